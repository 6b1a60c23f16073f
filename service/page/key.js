// The API key, where the service asks for one: kept in this variable, and nowhere else.

import { element } from "./document.js";

export const keyRing = {
  held: null,

  /** Ask the visitor; throws the problem if there is no key to be had. */
  ask(problem, signal) {
    const dialog = element("key-dialog");
    element("key-reason").textContent = problem.message;
    element("key").value = "";
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve, reject) => {
      element("key-cancel").onclick = () => dialog.close("");
      element("key").form.onsubmit = () => {
        keyRing.held = element("key").value.trim();
        resolve();
      };
      dialog.onclose = () => {
        element("key").value = "";
        reject(problem); // without effect once a key was given
      };
      signal.addEventListener("abort", () => dialog.close(), { once: true });
    });
  },
};
