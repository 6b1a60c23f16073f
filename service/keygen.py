"""python -m service.keygen NAME >> keys.toml: a new API key on the terminal, its hash in the file.

The key is printed to standard error and kept nowhere; the entry for the file, which does not
reveal it, to standard output.
"""

import hashlib
import re
import secrets
import sys

from service.auth.keys import NAME


def main(arguments: list[str]) -> int:
    """Returns 0, or 2 if there is not one name or it is not of the kind that names may be."""
    if len(arguments) != 1 or not re.fullmatch(NAME, arguments[0]):
        print(
            "keygen: usage: python -m service.keygen NAME >> FILE; "
            "a name is up to 64 letters, digits and . _ -",
            file=sys.stderr,
        )
        return 2
    key = secrets.token_urlsafe(32)
    print(f"key of {arguments[0]}, shown only now: {key}", file=sys.stderr)
    digest = hashlib.sha256(key.encode()).hexdigest()
    print(f'[[key]]\nname = "{arguments[0]}"\nsha256 = "{digest}"')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
