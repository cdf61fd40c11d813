/** The report's looks: for paper and screens of any width, light and dark. Contrasts are WCAG 2.2 AA or better. */
export const STYLE = `
:root {
  color-scheme: light;
  --ground: #fbfaf7; --card: #ffffff; --ink: #1b1a18; --soft: #57534c; --line: #d9d5cc; --link: #1a4f8b;
  --refuted: #a3161f; --refuted-ground: #fbe9e8; --upheld: #17633a; --upheld-ground: #e4f3e9;
  --inconclusive: #7a4b00; --inconclusive-ground: #fbf0d9; --untested: #4d5358; --untested-ground: #ecedee;
  --serif: Charter, 'Bitstream Charter', 'Sitka Text', Cambria, Georgia, 'DejaVu Serif', serif;
  --sans: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif;
  --mono: ui-monospace, 'SF Mono', Consolas, 'DejaVu Sans Mono', monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
    --ground: #161514; --card: #201f1d; --ink: #ece8e1; --soft: #b3ada3; --line: #3d3a36; --link: #9cc4f2;
    --refuted: #ff9b95; --refuted-ground: #421a1a; --upheld: #8fdcab; --upheld-ground: #14341f;
    --inconclusive: #f2c56b; --inconclusive-ground: #3a2a0c; --untested: #c2c7cc; --untested-ground: #2e3134;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 1.0625rem/1.6 var(--serif); overflow-wrap: anywhere;
}
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1, h2, h3, h4, dt, th, .kicker, .badge, .note, figcaption, summary, .overview, .by { font-family: var(--sans); }
h1 { font-size: clamp(1.6rem, 1.1rem + 2.2vw, 2.4rem); line-height: 1.2; margin: .2rem 0 .6rem; letter-spacing: -.01em; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 3.2rem 0 1rem; padding-top: .9rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1.1rem; line-height: 1.35; margin: 2rem 0 .6rem; }
h4 { font-size: .95rem; line-height: 1.4; margin: 1.2rem 0 .3rem; }
p, ul, ol, dl, blockquote { margin: .6rem 0; max-width: 46rem; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
code, pre { font-family: var(--mono); font-size: .86em; }
pre {
  margin: .6rem 0; padding: .7rem .9rem; background: var(--card); border: 1px solid var(--line); border-radius: 4px;
  white-space: pre-wrap; line-height: 1.5;
}
.kicker { color: var(--soft); font-size: .85rem; letter-spacing: .06em; text-transform: uppercase; margin: 0; }
.lead { font-size: 1.35rem; line-height: 1.4; margin: 0 0 1.2rem; }
.soft { color: var(--soft); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; max-width: none; }
.facts dt { color: var(--soft); font-size: .88rem; padding-top: .12rem; }
.facts dd { margin: 0; }
.note { border-left: 4px solid var(--inconclusive); background: var(--inconclusive-ground); padding: .7rem 1rem; font-size: .95rem; line-height: 1.5; max-width: none; }
.note strong { color: var(--inconclusive); }
.badge {
  display: inline-block; padding: .05rem .6rem; border-radius: 4px; border: 1px solid currentColor;
  font-size: .88rem; font-weight: 700; line-height: 1.55; white-space: nowrap;
}
.refuted { color: var(--refuted); background: var(--refuted-ground); }
.upheld { color: var(--upheld); background: var(--upheld-ground); }
.inconclusive { color: var(--inconclusive); background: var(--inconclusive-ground); }
.untested { color: var(--untested); background: var(--untested-ground); }
.overview { list-style: none; padding: 0; margin: 1.4rem 0; max-width: none; font-size: .97rem; }
.overview li { display: grid; grid-template-columns: 9.5rem 1fr; gap: .2rem 1rem; align-items: start; padding: .5rem 0; border-top: 1px solid var(--line); }
.overview li:last-child { border-bottom: 1px solid var(--line); }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1.2rem; margin: 1rem 0; }
figure { margin: 0; break-inside: avoid; }
figure img, .none { display: block; width: 100%; aspect-ratio: 16 / 9; object-fit: contain; background: #000; border: 1px solid var(--line); border-radius: 4px; }
figure img { image-rendering: pixelated; height: auto; }
.none { display: grid; place-items: center; background: var(--card); color: var(--soft); font: .9rem var(--sans); border-style: dashed; }
figcaption { font-size: .88rem; line-height: 1.45; color: var(--soft); margin-top: .5rem; }
figcaption strong { display: block; color: var(--ink); font-size: .97rem; }
blockquote { margin: 0; padding: 0 0 0 1.1rem; border-left: 4px solid var(--ink); font-size: 1.2rem; line-height: 1.45; }
.by { margin: .5rem 0 1.2rem 1.35rem; font-size: .88rem; color: var(--soft); }
.statement { margin: 2.2rem 0 0; }
.statement + .statement { margin-top: 3.2rem; }
article, .key { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 1rem 1.2rem 1.1rem; margin: 1rem 0; }
article > h4:first-child, .key > h3:first-child { margin-top: 0; }
h4 .soft { font-weight: 400; }
article h4.says { font-size: 1.05rem; margin: 0 0 .5rem; }
.reason { font-size: 1.08rem; }
details { margin: .5rem 0; }
summary { cursor: pointer; font-size: .93rem; padding: .15rem 0; }
.findings, .controls { padding-left: 1.2rem; }
.findings > li { margin: .5rem 0; }
.findings details summary { color: var(--soft); font-size: .85rem; }
.controls { list-style: none; padding: 0; }
.controls li { display: grid; grid-template-columns: 5.6rem 1fr; gap: 0 .8rem; padding: .35rem 0; border-top: 1px solid var(--line); font-size: .97rem; line-height: 1.45; }
.controls li > span:first-child { font: 700 .85rem/1.7 var(--sans); }
.held { color: var(--upheld); }
.unheld { color: var(--refuted); }
.unsure { color: var(--inconclusive); }
.legend { font-size: .95rem; padding-left: 1.2rem; }
.legend .held, .legend .unheld, .legend .unsure { font: 700 .88rem var(--sans); }
.drawing { margin: .9rem 0; overflow-x: auto; }
.lineage { display: block; margin: 0 auto; min-width: 26rem; max-width: 100%; height: auto; font-family: var(--sans); }
.lineage.wide { min-width: 44rem; }
.lineage text { fill: var(--ink); font-size: 13px; }
.lineage .tag { font-size: 11px; font-weight: 700; }
.lineage .small { font-size: 11.5px; fill: var(--soft); }
.lineage .box { fill: var(--card); stroke-width: 1.5; }
.lineage .box.devices { stroke: var(--upheld); fill: var(--upheld-ground); }
.lineage .box.provider { stroke: var(--refuted); fill: var(--refuted-ground); stroke-width: 3; }
.lineage .box.unsure { stroke: var(--inconclusive); fill: var(--inconclusive-ground); stroke-dasharray: 6 4; }
.lineage .box.own { stroke-width: 4; }
.lineage .tag.devices { fill: var(--upheld); }
.lineage .tag.provider { fill: var(--refuted); }
.lineage .tag.unsure { fill: var(--inconclusive); }
.lineage .way { fill: none; stroke: var(--soft); stroke-width: 1.5; }
.lineage .head { fill: var(--soft); }
.lineage .shut .way { stroke-dasharray: 2 3; }
.lineage .leak .way { stroke: var(--refuted); stroke-width: 3.5; }
.lineage .leak .head { fill: var(--refuted); }
.lineage .lock { fill: var(--ink); }
.lineage .shackle { fill: none; stroke: var(--ink); stroke-width: 1.8; }
.told { font: .92rem/1.5 var(--sans); padding-left: 1.8rem; }
.scroll { overflow-x: auto; margin: .6rem 0; }
table { min-width: 40rem; border-collapse: collapse; font-size: .93rem; line-height: 1.4; width: 100%; overflow-wrap: normal; }
caption { text-align: left; font: 700 .95rem var(--sans); padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); }
th { font-size: .83rem; color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
footer { margin-top: 3rem; color: var(--soft); font-size: .9rem; }
@media (max-width: 34rem) {
  body { font-size: 1rem; }
  main { padding-top: 1.5rem; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dt { margin-top: .5rem; }
  .overview li, .controls li { grid-template-columns: 1fr; }
  article, .key { padding: .8rem .9rem; }
  blockquote { font-size: 1.08rem; }
  .by { margin-left: 0; }
}
@media print {
  :root { --ground: #ffffff; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  h2, h3, h4, .by { break-after: avoid; }
  .controls li, .overview li, .findings > li, tr { break-inside: avoid; }
  .badge, .note, figure img, .lineage { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  table, .lineage, .lineage.wide { min-width: 0; }
  .drawing { overflow: visible; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .pictures { grid-template-columns: repeat(3, 1fr); }
}
`;
