// The page: a photograph and the settings go in, the service's answer comes out.

import { Attempt } from "./attempt.js";
import { Comparison } from "./comparison.js";
import { commandFor } from "./curl.js";
import { keyRing } from "./key.js";
import { offer } from "./models.js";
import { Outcome } from "./outcome.js";
import { Photograph } from "./photograph.js";
import { fileName, needsConsent } from "./question.js";
import { models } from "./service.js";
import { Settings } from "./settings.js";
import { onPhotograph } from "./sources.js";

const PAUSE_MS = 300; // after a setting changed: more changes usually follow

const comparison = new Comparison();
const outcome = new Outcome({ onAct: () => ask({ consented: true }), onStop: stop });
const settings = new Settings(() => ask({ pause: PAUSE_MS }));

let photograph = null;
let attempt = null;

function stop() {
  attempt?.abandon();
  attempt = null;
}

/** Ask for what the settings say now, in place of what was asked before. */
async function ask({ pause = 0, consented = false } = {}) {
  stop();
  if (photograph === null) return;
  if (!settings.ready) {
    await start();
    return;
  }
  const asked = { settings: settings.read(), photograph };
  settings.describe(photograph);
  if (needsConsent(asked) && !consented) {
    outcome.offer(asked);
    return;
  }
  const mine = new Attempt(asked, { key: keyRing, report: (news) => outcome.follow(news) });
  attempt = mine;
  try {
    const answer = await mine.answer(pause);
    const image = await decoded(answer.blob);
    if (mine !== attempt) {
      URL.revokeObjectURL(image.src);
      return;
    }
    comparison.showAnswer(image, asked.settings.task);
    const name = fileName(asked, answer.blob.type);
    outcome.done(answer, { image, name, asked, command: commandFor(asked, name, keyRing.held) });
  } catch (problem) {
    if (mine === attempt) outcome.fail(problem);
  }
}

async function decoded(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  await image.decode();
  return image;
}

let newest = null;

onPhotograph({
  async take(file) {
    stop();
    newest = file;
    const opened = await Photograph.open(file);
    if (file !== newest) {
      opened.close();
      return;
    }
    photograph?.close();
    photograph = opened;
    comparison.showPhotograph(photograph);
    outcome.reset();
    await ask();
  },
  refuse: (problem) => outcome.fail(problem),
});

async function start() {
  try {
    offer(await models());
    settings.start();
    await ask();
  } catch (problem) {
    outcome.fail(problem, start);
  }
}

await start();
