// Judges the page that it is put into, after axe.min.js, and leaves what axe says as JSON in an element of the id axe-said.
// Which language is shown follows from the address, which counts once the page is loaded.
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

// axe cannot tell what lies behind a text in a drawing: texts of a map against their tiles (WCAG 2.2, 1.4.3 and its relative luminance).
function luminance(colour) {
  const [r, g, b] = colour.match(/[\d.]+/g).map((part) => part / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(text) {
  const behind = getComputedStyle(text.parentNode.querySelector("rect")).fill;
  if (!behind.startsWith("rgb")) return 21;                          // hatched: dark on light by the style sheet
  const [a, b] = [getComputedStyle(text).fill, behind].map(luminance).sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}

function said(found) {
  const shown = [...document.querySelectorAll(".language")].filter((part) => getComputedStyle(part).display !== "none");
  const tiles = shown.flatMap((part) => [...part.querySelectorAll(".map .tile text")]);
  const faint = tiles.filter((text) => contrast(text) < 4.5);
  const violations = found.violations.map((rule) => ({ id: rule.id, help: rule.help, nodes: rule.nodes.map((node) => node.html.slice(0, 200)) }));
  if (faint.length) violations.push({ id: "map-contrast", help: "1.4.3", nodes: faint.map((text) => text.outerHTML) });
  const ids = (rules) => rules.map((rule) => rule.id);
  return { shown: shown.map((part) => part.id), tiles: tiles.length, violations, passes: ids(found.passes), incomplete: ids(found.incomplete) };
}

function leave(text) {
  const place = document.createElement("pre");
  place.id = "axe-said";
  place.textContent = text;
  document.body.append(place);
}

addEventListener("load", () => setTimeout(() => axe.run(document, { runOnly: RULES }).then((found) => leave(JSON.stringify(said(found)))).catch(leave), 200));
