// The service's models, as choices in the form.

import { element, made } from "./document.js";

const DETAIL = {
  feature: ["Sharp", "draws fine detail that was likely there"],
  pixel: ["Faithful", "stays nearest to the given pixels, softer"],
};

/** Fill the form from the cards of GET /models. */
export function offer(cards) {
  const styles = cards.filter((card) => card.kind === "stylize");
  const upscalers = cards.filter((card) => card.kind === "upscale");
  element("styles").replaceChildren(...styles.map(styleChoice));
  const factors = unique(upscalers, "factor").toSorted((a, b) => a - b);
  element("factors").replaceChildren(...factors.map(factorChoice));
  element("objectives").replaceChildren(...unique(upscalers, "objective").map(objectiveChoice));
  if (styles.length === 0) document.querySelector('[name="task"][value="upscale"]').checked = true;
  element("tasks").hidden = styles.length === 0 || upscalers.length === 0;
}

function unique(cards, field) {
  return [...new Set(cards.map((card) => card[field]))];
}

function radio(name, value, index) {
  return made("input", { type: "radio", name, value, defaultChecked: index === 0 });
}

function styleChoice({ name, title, model, blends, strokes }, index) {
  const [painting, painter = ""] = title.split(/, (?=after )/);
  const preview = made("img", { src: `models/${encodeURIComponent(name)}/preview`, alt: "" });
  preview.addEventListener("error", () => preview.remove()); // not every model has one
  const choice = radio("style", name, index);
  Object.assign(choice.dataset, { painting, painter, model, blends, strokes: strokes.join(" ") });
  return made("label", {}, choice, preview, made("span", { textContent: painting }));
}

function factorChoice(factor, index) {
  return made("label", {}, radio("factor", factor, index), made("span", { textContent: `${factor} times` }));
}

function objectiveChoice(objective, index) {
  const [name, meaning] = DETAIL[objective] ?? [objective, ""];
  const words = made("span", {}, made("strong", { textContent: name }), ` ${meaning}`);
  return made("label", {}, radio("objective", objective, index), words);
}
