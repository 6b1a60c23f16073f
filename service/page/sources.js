// Where photographs come from: a file, a drop, the clipboard, the sample.

import { element } from "./document.js";
import { Problem } from "./service.js";

const NO_FILE = new Problem(
  "Nothing to paint there",
  "Drop or paste an image file itself, not a link to one or a text.",
);

/** `take` gets each file, whatever it holds: what is an image is the service's to say. */
export function onPhotograph({ take, refuse }) {
  const picker = element("file");
  for (const name of ["choose", "another"]) {
    element(name).addEventListener("click", () => picker.click());
  }
  picker.addEventListener("change", () => {
    if (picker.files.length > 0) take(picker.files[0]);
    picker.value = ""; // so that the same file can be chosen again
  });
  element("sample").addEventListener("click", async () => {
    const answer = await fetch("page/portrait.jpg");
    take(new File([await answer.blob()], "portrait.jpg", { type: "image/jpeg" }));
  });
  document.addEventListener("paste", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.type === "password") return;
    takeFrom(event.clipboardData);
  });
  followDrags((dropped) => takeFrom(dropped));

  function takeFrom({ files }) {
    if (files.length > 0) take(files[0]);
    else refuse(NO_FILE);
  }
}

/** The whole page is the target; `data-dragging` says that something is over it. */
function followDrags(onDrop) {
  let depth = 0; // of the elements that the pointer went into
  const enter = (change) => {
    depth = change === 0 ? 0 : depth + change;
    document.body.toggleAttribute("data-dragging", depth > 0);
  };
  document.addEventListener("dragenter", () => enter(1));
  document.addEventListener("dragleave", () => enter(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    enter(0);
    onDrop(event.dataTransfer);
  });
}
