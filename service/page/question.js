// The path and query of a request for a photograph and settings, and the answer's file name.

const MOST_PIXELS_UNASKED = 16e6; // of an answer; on a CPU this takes about six seconds
const EXTENSIONS = { "image/jpeg": "jpg" };

/** Path and query, relative to the page. */
export function pathFor({ settings, photograph }) {
  const query = new URLSearchParams();
  if (settings.task === "upscale") {
    query.set("factor", settings.factor);
    query.set("model", settings.objective);
    return `upscale?${query}`;
  }
  if (settings.blend !== null) query.set("blend", `${settings.blend.style}:${settings.blend.share}`);
  if (settings.stroke !== 1) query.set("stroke", settings.stroke);
  if (settings.strength !== 1) query.set("strength", settings.strength);
  if (settings.keepColors) query.set("preserve_color", "true");
  const side = maxSide(settings, photograph);
  if (side < photograph.longerSide) query.set("max_side", side);
  const path = `stylize/${encodeURIComponent(settings.style)}`;
  // A query may have colons; so the command is easier to read.
  return String(query) === "" ? path : `${path}?${String(query).replaceAll("%3A", ":")}`;
}

function maxSide(settings, photograph) {
  return Math.min(settings.maxSide ?? Infinity, photograph.fits ?? Infinity);
}

/** Whether to ask before a request that takes long and gives a file that few need. */
export function needsConsent({ settings, photograph }) {
  if (settings.task !== "upscale") return false;
  return photograph.width * photograph.height * settings.factor ** 2 > MOST_PIXELS_UNASKED;
}

/** A name for the answer, after the photograph's. */
export function fileName({ settings, photograph }, type) {
  const stem = photograph.name.replace(/\.[^.]*$/, "") || "picture";
  const made = settings.task === "upscale" ? `x${settings.factor}` : stylesIn(settings).join("-");
  return `${stem}-${made}.${EXTENSIONS[type] ?? type.replace("image/", "")}`;
}

function stylesIn({ style, blend }) {
  return blend === null ? [style] : [style, blend.style];
}
