// The status below the picture: progress, problems, and buttons for what can be done.

import { element, made } from "./document.js";

const MADE = { stylize: "Painted", upscale: "Enlarged" };

export class Outcome {
  #ticking = null;
  #act = null; // what the button does

  constructor({ onAct, onStop }) {
    this.onAct = onAct;
    this.onStop = onStop;
    element("act").addEventListener("click", () => this.#act());
    element("copy").addEventListener("click", () => this.#copy());
  }

  /** A new photograph: nothing of the one before is left. */
  reset() {
    this.#settle("");
    element("another").hidden = false;
    element("download").hidden = true;
    element("command").hidden = true;
  }

  /** Tell of a step of an Attempt. */
  follow(news) {
    this.#settle();
    if (news.step === "sending") this.#sending(news);
    else if (news.step === "working") this.#working();
    else if (news.step === "refused") this.#refused(news);
    else this.#say(`That is more than the service paints at once: asking for ${news.maxSide} pixels.`);
    this.#button("Cancel", () => {
      this.onStop();
      this.#settle("Stopped.");
      this.#button("Try again", this.onAct);
    });
  }

  /** What would take long, and is not begun unasked. */
  offer({ settings, photograph }) {
    const [width, height] = [photograph.width, photograph.height].map((side) => side * settings.factor);
    this.#settle("A picture of this size may take a while.");
    this.#button(`Enlarge to ${width} × ${height}`, this.onAct);
  }

  done(answer, { image, name, asked, command }) {
    const { queue = 0, infer = 0 } = answer.seconds;
    const total = Object.values(answer.seconds).reduce((sum, seconds) => sum + seconds, 0);
    this.#settle(`${MADE[asked.settings.task]} in ${total.toFixed(2)} s.`);
    element("details").textContent =
      `${sizes(image, asked)}. Queue ${queue.toFixed(2)} s, network ${infer.toFixed(2)} s ` +
      `on ${answer.provider.toUpperCase()}.`;
    Object.assign(element("download"), { href: image.src, download: name, hidden: false });
    if (document.activeElement === element("act")) element("download").focus();
    element("act").hidden = true;
    element("curl").replaceChildren(...command.flatMap((word) => [inOnePiece(word), " "]));
    element("command").hidden = false;
  }

  /** Say what went wrong; `again` is what may help, if not to ask the same once more. */
  fail(problem, again = this.onAct) {
    this.#settle("");
    const title = made("strong", { textContent: problem.title ?? "The page failed" });
    element("problem").replaceChildren(title, " ", problem.message);
    element("act").hidden = true;
    if (mayPass(problem)) this.#button("Try again", again);
  }

  #sending({ fraction }) {
    this.#say("Sending the photograph", fraction > 0 ? ` ${Math.round(100 * fraction)} %` : "");
    this.#progress(fraction);
  }

  #working() {
    // The service answers once, at the end: whether it waits or paints is not known before.
    const began = performance.now();
    const tick = () => {
      const seconds = Math.round((performance.now() - began) / 1000);
      this.#say("The service has it: in the queue, or in work", seconds > 0 ? ` for ${seconds} s` : "");
    };
    tick();
    this.#ticking = setInterval(tick, 1000);
    this.#progress(null);
  }

  #refused({ problem, left }) {
    this.#say(`${problem.message} Trying again by itself`, ` in ${left} s`);
    this.#progress(null);
  }

  /** No longer busy, and no problem; what was said stays unless something else is. */
  #settle(said = null) {
    clearInterval(this.#ticking);
    element("problem").replaceChildren();
    element("progress").hidden = true;
    element("count").textContent = "";
    element("details").textContent = "";
    if (said !== null) this.#say(said);
  }

  /** `count` changes often, and is not read out. */
  #say(text, count = "") {
    // Unchanged text is not set again: screen readers would repeat it.
    if (element("said").textContent !== text) element("said").textContent = text;
    element("count").textContent = count;
  }

  #progress(fraction) {
    const bar = element("progress");
    bar.hidden = false;
    if (fraction === null) bar.removeAttribute("value");
    else bar.value = fraction;
  }

  #button(text, act) {
    this.#act = act;
    Object.assign(element("act"), { textContent: text, hidden: false });
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(element("curl").textContent.trim());
      element("copy").textContent = "Copied";
    } catch {
      // Browsers lend the clipboard over HTTPS and to this machine only.
      getSelection().selectAllChildren(element("curl"));
      element("copy").textContent = "Selected";
    }
    setTimeout(() => (element("copy").textContent = "Copy"), 2000);
  }
}

/** The answer's size, and the photograph's where it was shrunk. */
function sizes(image, { settings, photograph }) {
  const size = `${image.naturalWidth} × ${image.naturalHeight} pixels`;
  const shrunk = settings.task === "stylize" && image.naturalWidth < photograph.width;
  return shrunk ? `${size}, from ${photograph.width} × ${photograph.height}` : size;
}

function inOnePiece(word) {
  return made("span", { textContent: word });
}

/** Whether the same request may go well another time: the network, the service, a key. */
function mayPass({ status = 0 }) {
  return status < 400 || status >= 500 || [401, 408, 429].includes(status);
}
