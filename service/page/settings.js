// The form of settings.

import { element, made } from "./document.js";
import { describeMixing, offerMixing, strokeAt } from "./mixing.js";

export class Settings {
  #form = element("settings");
  ready = false; // until the models are known

  constructor(onChange) {
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("input", () => {
      this.#show();
      onChange();
    });
  }

  start() {
    this.ready = true;
    this.#show();
  }

  read() {
    const form = new FormData(this.#form);
    return {
      task: form.get("task"),
      style: form.get("style"),
      blend: form.get("second") ? { style: form.get("second"), share: Number(form.get("share")) } : null,
      stroke: form.has("stroke") ? strokeAt(form.get("stroke")) : 1,
      strength: Number(form.get("strength")),
      keepColors: form.has("keep_colors"),
      maxSide: Number(form.get("max_side")) || null,
      factor: Number(form.get("factor")),
      objective: form.get("objective"),
    };
  }

  /** Say how large the enlarged photograph will be. */
  describe({ visible, width, height }) {
    const { factor } = this.read();
    element("growth").textContent = visible
      ? `${width} × ${height} becomes ${width * factor} × ${height * factor} pixels.`
      : "";
  }

  #show() {
    const choices = [...this.#form.querySelectorAll('[name="style"]')];
    const chosen = choices.find((choice) => choice.checked);
    if (chosen !== undefined) offerMixing(chosen, choices);
    const settings = this.read();
    const { task, strength } = settings;
    describeMixing(settings);
    element("stylize").hidden = task !== "stylize";
    element("upscale").hidden = task !== "upscale";
    element("strength-said").value = `${Math.round(100 * strength)} %`;
    element("label").replaceChildren();
    if (chosen !== undefined) {
      const { painting, painter } = chosen.dataset;
      element("label").append(made("cite", { textContent: painting }), made("br"), painter);
    }
  }
}
