// A slider that compares the photograph with the answer.

import { element } from "./document.js";

const RESULT = { stylize: "Painting", upscale: "Enlarged" };

export class Comparison {
  #stage = element("stage");
  #frame = element("frame");
  #before = element("before");
  #after = element("after");
  #split = element("split");
  #photograph = null;

  constructor() {
    this.#split.addEventListener("input", () => this.#place());
    this.#place();
  }

  showPhotograph(photograph) {
    this.#photograph = photograph;
    this.#release();
    this.#before.hidden = !photograph.visible;
    if (photograph.visible) {
      this.#before.src = photograph.url;
      this.#shape(photograph.width, photograph.height);
    }
    this.#stage.dataset.shows = photograph.visible ? "photograph" : "nothing";
  }

  /** `image` is decoded, so that what was there stays until this is. */
  showAnswer(image, task) {
    this.#release();
    this.#after.src = image.src;
    if (!this.#photograph.visible) this.#shape(image.naturalWidth, image.naturalHeight);
    element("after-tag").textContent = RESULT[task];
    this.#stage.dataset.shows = this.#photograph.visible ? "both" : "answer";
  }

  #release() {
    if (this.#after.src) URL.revokeObjectURL(this.#after.src);
    this.#after.removeAttribute("src");
  }

  #shape(width, height) {
    this.#frame.style.setProperty("--ratio", width / height);
  }

  #place() {
    const split = Number(this.#split.value);
    this.#frame.style.setProperty("--split", `${split}%`);
    this.#split.setAttribute("aria-valuetext", `photograph ${split} %, result ${100 - split} %`);
    element("before-tag").toggleAttribute("data-faint", split < 20);
    element("after-tag").toggleAttribute("data-faint", split > 80);
  }
}
