// The curl command that makes the picture on the screen.

import { pathFor } from "./question.js";

/** The words of a line for a POSIX shell, options together with their values. */
export function commandFor(asked, output, key) {
  const url = new URL(pathFor(asked), document.baseURI);
  return [
    "curl",
    // The key itself must not be on the screen, nor in the shell's history.
    ...(key ? ['-H "Authorization: Bearer $KEY"'] : []),
    `-F ${shellWord(`image=@${formFile(asked.photograph.name)}`)}`,
    shellQuoted(url.href),
    `-o ${shellWord(output)}`,
  ];
}

/** curl reads ; and , after a form's file name as the beginning of something else. */
function formFile(name) {
  return /[;,"\\]/.test(name) ? `"${name.replaceAll(/["\\]/g, "\\$&")}"` : name;
}

function shellWord(text) {
  return /^[\w@%+=:./-]+$/.test(text) ? text : shellQuoted(text);
}

function shellQuoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
