// One request of the visitor, retried after temporary refusals until it is answered.

import { pathFor } from "./question.js";
import { post } from "./service.js";

export class Attempt {
  #leaving = new AbortController();

  /** `report` is told of every step: {step: "sending" | "working" | "refused" | "shrinking", …}. */
  constructor(asked, { key, report }) {
    this.asked = asked;
    this.key = key;
    this.report = report;
  }

  /** The service notices that we left, and drops the request from its queue. */
  abandon() {
    this.#leaving.abort();
  }

  /** Throws the Problem that ends it, or an AbortError once it is abandoned. */
  async answer(pause) {
    await this.#sleep(pause);
    for (;;) {
      try {
        return await this.#post();
      } catch (problem) {
        this.#leaving.signal.throwIfAborted();
        await this.#overcome(problem);
      }
    }
  }

  #post() {
    const { photograph } = this.asked;
    this.report({ step: "sending", fraction: 0 });
    return post(pathFor(this.asked), photograph.file, {
      key: this.key.held,
      signal: this.#leaving.signal,
      onSent: (fraction) =>
        this.report(fraction < 1 ? { step: "sending", fraction } : { step: "working" }),
    });
  }

  /** Returns when asking again is worthwhile; throws the problem if it is not. */
  async #overcome(problem) {
    const { photograph, settings } = this.asked;
    if (problem.status === 401) {
      await this.key.ask(problem, this.#leaving.signal);
    } else if (problem.maxSide !== null && settings.task === "stylize") {
      photograph.fits = problem.maxSide;
      this.report({ step: "shrinking", maxSide: problem.maxSide });
    } else if (problem.retryAfter > 0) {
      for (let left = problem.retryAfter; left > 0; left -= 1) {
        this.report({ step: "refused", problem, left, first: left === problem.retryAfter });
        await this.#sleep(1000);
      }
    } else {
      throw problem;
    }
  }

  #sleep(milliseconds) {
    const { signal } = this.#leaving;
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      setTimeout(resolve, milliseconds);
    });
  }
}
