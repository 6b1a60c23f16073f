"""python -m service.keygen NAME >> keys.toml: makes an API key.

The key is printed to standard error and kept nowhere; its entry for the file, with the key's hash,
to standard output.
"""

import hashlib
import re
import secrets
import sys

from service.auth.keys import NAME


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0, or 2 unless there is one valid name."""
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
