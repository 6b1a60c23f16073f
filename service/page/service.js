// HTTP requests to the service, and its answers.

/** A refusal or a failure, in the words of the service's problem+json where it said any. */
export class Problem extends Error {
  constructor(title, detail, { status = 0, retryAfter = null, maxSide = null } = {}) {
    super(detail);
    this.title = title;
    this.status = status;
    this.retryAfter = retryAfter; // seconds
    this.maxSide = maxSide; // pixels of the longer side that would be taken
  }
}

const UNREACHABLE = new Problem(
  "No answer",
  "The service cannot be reached, or ended the connection. Is it running, and the file not too large?",
);

/** The cards of all models. Throws Problem. */
export async function models() {
  let answer;
  try {
    answer = await fetch("models");
  } catch {
    throw UNREACHABLE;
  }
  if (!answer.ok) throw problemIn(answer.status, await answer.text(), answer.headers);
  return answer.json();
}

/**
 * Post an image. `onSent` is called with the fraction of it that was sent. Throws Problem, or the
 * signal's reason. XMLHttpRequest, because fetch does not tell how much of a body has left.
 */
export function post(path, file, { key, signal, onSent }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.responseType = "blob";
    if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
    request.upload.addEventListener("progress", (sent) => onSent(sent.loaded / sent.total));
    request.upload.addEventListener("load", () => onSent(1));
    request.addEventListener("load", async () => {
      if (request.status === 200) {
        resolve(answerIn(request));
      } else {
        const header = { get: (name) => request.getResponseHeader(name) };
        reject(problemIn(request.status, await request.response.text(), header));
      }
    });
    request.addEventListener("error", () => reject(UNREACHABLE));
    request.addEventListener("abort", () => reject(signal.reason));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    const body = new FormData();
    body.append("image", file);
    request.send(body);
  });
}

function answerIn(request) {
  const timing = request.getResponseHeader("Server-Timing") ?? "";
  const stages = [...timing.matchAll(/(\w+);dur=([\d.]+)/g)];
  return {
    blob: request.response,
    provider: request.getResponseHeader("X-Execution-Provider"),
    seconds: Object.fromEntries(stages.map(([, stage, ms]) => [stage, Number(ms) / 1000])),
  };
}

function problemIn(status, text, headers) {
  let said = {};
  try {
    said = JSON.parse(text);
  } catch {
    // not the service's words: something between it and us answered
  }
  const retryAfter = headers.get("Retry-After");
  return new Problem(said.title ?? `Error ${status}`, said.detail ?? "The answer says no more.", {
    status,
    retryAfter: retryAfter === null ? null : Number(retryAfter),
    maxSide: said.max_side ?? null,
  });
}
