// A second style and the size of strokes, where the chosen style can be mixed and sized.

import { element, made } from "./document.js";

/** Offer what this choice of a style can; `choices` are all. What it cannot is not in the form. */
export function offerMixing(choice, choices) {
  const partners = choices.filter((other) => other !== choice && mixes(choice, other));
  const before = element("second").value;
  element("second").replaceChildren(
    made("option", { value: "", textContent: "Nothing" }),
    ...partners.map(({ value, dataset }) => made("option", { value, textContent: dataset.painting })),
  );
  element("second").value = partners.some(({ value }) => value === before) ? before : "";
  show("blending", partners.length > 0);
  const [smallest, largest] = strokes(choice);
  Object.assign(element("stroke"), { min: Math.log2(smallest), max: Math.log2(largest) });
  show("stroking", smallest < largest);
}

/** Say what the form has: `blend` is null or {style, share}. */
export function describeMixing({ blend, stroke }) {
  element("share-setting").hidden = blend === null;
  element("share-said").value = blend === null ? "" : `${Math.round(100 * blend.share)} %`;
  element("stroke-said").value = stroke === 1 ? "as painted" : `${stroke} times`;
}

/** The size of strokes for a place of the slider, which counts doublings. */
export function strokeAt(place) {
  return Number((2 ** place).toFixed(2));
}

function mixes({ dataset }, other) {
  return dataset.blends === "true" && other.dataset.model === dataset.model;
}

function strokes({ dataset }) {
  return dataset.strokes.split(" ").map(Number);
}

function show(id, possible) {
  Object.assign(element(id), { hidden: !possible, disabled: !possible });
}
