/**
 * The report for people: one HTML file that needs nothing else, not even a network or a script. The same audit gives the
 * same bytes.
 */

import type { Audit, Verdict } from '../harness/audit/audit.ts';
import { describeCipher } from '../harness/ciphers/scheme.ts';
import type { Claim, Control } from '../harness/claims/claim.ts';
import { type KeyEvidence, type StreamEvidence, shows } from '../harness/claims/evidence.ts';
import type { Bodies } from '../harness/knowledge/crossings.ts';
import type { Secret } from '../harness/knowledge/lineage.ts';
import type { Recording } from '../harness/recording/format.ts';
import { enumerate, listed, MOST_NAMES, onTrust, reached, sealedBy, whereFound, whoMade } from './keys.ts';
import { drawStory } from './lineage.ts';
import { html, Markup } from './markup.ts';
import { picturesOf, type Shown } from './pictures.ts';
import { printable, withholder } from './printable.ts';
import { publicKeys } from './public-keys.ts';
import { KNOWERS, type Say, sentencesOf } from './sentences.ts';
import { type Story, storiesOf } from './story.ts';
import { STYLE } from './style.ts';
import { stated, summary, VERDICTS } from './words.ts';

/** Entries of one list that are shown; whoever made a recording must not make the report endless. */
const MOST = 200;
/** Keys of which it is told where they came from, and stories of which each is drawn. */
const MOST_TOLD = 300;
const MOST_DRAWN = 40;
/** Lines that are told of one key. */
const MOST_LINES = 8;
/** Participants whose pictures are shown, as many as there are test cards. */
const MOST_PICTURED = 15;

/**
 * @param bodies the recording that was judged, for the pictures in it
 * @throws RecordingError where a picture in the recording is damaged
 */
export function renderHtml(audit: Audit, bodies: Bodies): string {
  const { gathered, claims } = audit;
  const names = audit.recording.participants.map(({ name }) => name);
  const { stories, values } = storiesOf(toldOf(gathered), gathered.lineage, names);
  const all = gathered.evidence.keys.flatMap(({ bytes, path = [] }) => [bytes, ...path.map(({ gives }) => gives)]);
  const hide = withholder([...values, ...all], names);
  const say: Say = (text) => printable(hide(text));
  const recording = sayAll(audit.recording, say);
  const verdicts = sayAll(audit.result.verdicts, say);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${recording.service.name}: ${summary(verdicts)}</title>
<style>${STYLESHEET}</style>
</head>
<body>
<main>
${head(recording, verdicts, claims)}
${seen(audit, bodies, say)}
${statements(verdicts, claims)}
${keys(audit, stories, say)}
${record(audit, recording, say)}
${again(recording, verdicts)}
${glossary()}
<footer><p>Written by keywitness ${recording.software.keywitness} from recording <code>${recording.id}</code>.</p></footer>
</main>
</body>
</html>
`;
  return String(page);
}

/** The keys of which it is told where they came from: leaks before others. */
function toldOf({ evidence, secrets }: Audit['gathered']): Map<KeyEvidence, Secret> {
  const [leaks, others] = [true, false].map((isLeak) =>
    evidence.keys.filter(({ path }) => isLeak === (path !== undefined)),
  );
  return new Map([...leaks!, ...others!].slice(0, MOST_TOLD).map((key) => [key, secrets.get(key)!]));
}

/** A style element holds raw text, which must not be escaped: this one is ours. */
const STYLESHEET = Markup.of([STYLE]);

function head(recording: Recording, verdicts: Verdict[], claims: Audit['claims']): Markup {
  const { service, scenario, participants, software, clock, vendor } = recording;
  const { keywitness, chromium, ...others } = software;
  return html`<header>
<p class="kicker">keywitness report</p>
<h1>${service.name}</h1>
<p class="soft">${service.title}</p>
<p class="lead">${summary(verdicts)}</p>
${trouble(recording)}
<dl class="facts">
<dt>Statements of</dt><dd>${vendor.vendor}</dd>
<dt>Recorded</dt><dd><time datetime="${clock.origin}">${when(clock.origin)}</time></dd>
<dt>Scenario</dt><dd><code>${scenario.name}</code>, ${scenario.seconds} seconds of talk</dd>
<dt>Participants</dt><dd>${enumerate(participants.slice(0, MOST).map(({ name, camera }) => (camera ? name : `${name} (camera off)`)))}, each an automated browser with a test picture and a test tone</dd>
<dt>Versions</dt><dd>${[
    `keywitness ${keywitness ?? 'unknown'}`,
    `Chromium ${chromium ?? 'unknown'}`,
    ...Object.entries(others).map(([name, version]) => `${name} ${version}`),
  ]
    .slice(0, MOST)
    .join(', ')}</dd>
</dl>
<p class="note"><strong>The recording holds the keys of the call</strong> and all else that crossed the provider. This page shows no key, but the folder that it lies in does, and so does a proof folder. Think before you pass either on.</p>
</header>
<nav aria-label="Verdicts"><ol class="overview">
${verdicts.map(
  (
    { claim, params, verdict },
    index,
  ) => html`<li><span>${badge(verdict)}</span><span><a href="#verdict-${index + 1}">${says(claims.get(claim), claim)}</a>${asStated(params)}</span></li>
`,
)}</ol></nav>`;
}

/** What a reader has to know before anything else: the call did not go as it should. */
function trouble({ complete, outcome }: Recording): Markup | undefined {
  if (complete && outcome?.connected !== false) return undefined;
  const why = outcome?.reason ? ` (${outcome.reason})` : '';
  const what = outcome?.connected === false ? 'The call never connected' : 'The recording was cut short';
  return html`<p class="note"><strong>${what}${why}.</strong> What is said below rests on what was recorded until then.</p>`;
}

function seen({ recording, gathered }: Audit, bodies: Bodies, say: Say): Markup {
  const all = recording.participants
    .filter(({ camera }) => camera)
    .slice(0, MOST_PICTURED)
    .map((participant) => picturesOf(participant, gathered, bodies));
  const first = all.find(({ complete }) => complete) ?? all[0];
  return html`<section aria-labelledby="seen">
<h2 id="seen">What was to be seen</h2>
${
  first
    ? html`<p>Each camera shows a test card: strong colours, and a barcode that tells whose picture it is and which one. Where a card can be read, the picture was seen.</p>
${gallery(first.pictures, say)}`
    : html`<p>No participant’s camera was on.</p>`
}
${all
  .filter((one) => one !== first)
  .map(
    ({ participant, pictures }) => html`<details><summary>The same for ${say(participant)}</summary>
${gallery(pictures, say)}
</details>
`,
  )}</section>`;
}

function gallery(pictures: readonly Shown[], say: Say): Markup {
  return html`<div class="pictures">
${pictures.map(
  ({ title, image, alt, caption }) => html`<figure>
${
  image
    ? html`<img src="data:image/png;base64,${Buffer.from(image).toString('base64')}" alt="${say(alt)}" width="640" height="360">`
    : html`<div class="none">no picture</div>`
}
<figcaption><strong>${say(title)}</strong> ${say(caption)}</figcaption>
</figure>
`,
)}</div>`;
}

function statements(verdicts: Verdict[], claims: Audit['claims']): Markup {
  const groups = new Map<string, { verdict: Verdict; number: number }[]>();
  for (const [index, verdict] of verdicts.entries()) {
    const name = JSON.stringify(verdict.statement);
    groups.set(name, [...(groups.get(name) ?? []), { verdict, number: index + 1 }]);
  }
  return html`<section aria-labelledby="statements">
<h2 id="statements">What was stated, and what is true of it</h2>
${[...groups.values()].map(
  (group, index) => html`<section class="statement" aria-label="Statement ${index + 1}">
<h3>Statement ${index + 1} of ${groups.size}</h3>
<blockquote dir="auto">${group[0]!.verdict.statement.quote}</blockquote>
<p class="by">${group[0]!.verdict.statement.source}, ${group[0]!.verdict.statement.date}</p>
${group.map(({ verdict, number }) => judged(verdict, number, claims.get(verdict.claim)))}
</section>
`,
)}</section>`;
}

function judged(verdict: Verdict, number: number, claim: Claim | undefined): Markup {
  const { verdict: kind, params, reason, findings, controls } = verdict;
  return html`<article id="verdict-${number}" aria-labelledby="says-${number}">
<h4 class="says" id="says-${number}">${badge(kind)} ${says(claim, verdict.claim)}${asStated(params)}</h4>
<p class="reason">${reason}</p>
${findings.length > 0 && found(findings)}
${controls.length > 0 && controlled(kind, controls)}
${
  claim &&
  html`<h4>${kind === 'refuted' ? 'What refutes it' : 'What would refute it'}</h4>
<p>${sentence(claim.refutedBy)}</p>
<h4>What this test cannot see</h4>
<p>${sentence(claim.blindTo)}</p>`
}
<p class="soft">Claim <code>${verdict.claim}</code> of the catalogue</p>
</article>
`;
}

function found(findings: Verdict['findings']): Markup {
  return html`<h4>Findings</h4>
<ul class="findings">
${findings.slice(0, MOST).map(
  ({ title, evidence, proof }) => html`<li>${title}
${evidence.length > 0 && html`<details><summary>Rests on ${evidence.length} ${evidence.length === 1 ? 'event' : 'events'} of the recording</summary><p>Lines of <code>events.jsonl</code>, counted from 0: ${evidence.join(', ')}</p></details>`}
${proof !== undefined && proven(proof)}</li>
`,
)}</ul>
${more(findings.length)}`;
}

/** A link only to what is keywitness's own. */
function proven(proof: string): Markup | undefined {
  if (!/^proofs\/[a-z-]+\d*$/.test(proof)) return undefined;
  return html`<p>See for yourself: the folder <a href="${proof}/">${proof}</a> holds the packets and what opens them. With Node.js and ffmpeg alone, in the recording’s folder:</p>
<pre>cd ${proof} &amp;&amp; node reproduce.mjs</pre>`;
}

function controlled(kind: Verdict['verdict'], controls: readonly Control[]): Markup {
  const held = controls.filter((control) => control.held).length;
  const title = {
    upheld: 'What makes this verdict earned',
    inconclusive: 'What an upheld verdict would have needed',
    refuted: 'What else was checked',
    untested: 'What else was checked',
  }[kind];
  const list = html`<ul class="controls">
${controls.slice(0, MOST).map(
  ({
    title,
    held,
    detail,
  }) => html`<li><span class="${held ? 'held' : 'unheld'}">${held ? '✓ held' : '✗ not held'}</span><span>${title} <span class="soft">(${detail})</span></span></li>
`,
)}</ul>
${more(controls.length)}`;
  const count = `${held} of ${controls.length} controls held`;
  if (kind !== 'refuted') return html`<h4>${title}: ${count}</h4>${list}`;
  return html`<details><summary>${title}: ${count}</summary>
<p class="soft">A refutation rests on its findings. An upheld verdict would have needed all of these.</p>
${list}</details>`;
}

function keys({ gathered: { evidence, lineage } }: Audit, stories: readonly Story[], say: Say): Markup {
  const { keys, streams, tried } = evidence;
  const drawn = stories.slice(0, MOST_DRAWN);
  const rest = stories.slice(MOST_DRAWN).flatMap((story) => story.keys);
  const untold = keys.length - stories.reduce((sum, story) => sum + story.keys.length, 0);
  const ownerOf = publicKeys(lineage);
  return html`<section aria-labelledby="keys">
<h2 id="keys">Where the keys came from</h2>
<p>A key is listed if it provably seals media of this call. ${tried} ${tried === 1 ? 'value that crossed the provider and could be a key was' : 'values that crossed the provider and could be keys were'} tried on media whose key was not seen in the page.</p>
${keys.length === 0 && html`<p>${noKeys(streams)}</p>`}
${keys.length > 0 && legend()}
${drawn.map((story, index) => keyed(story, index + 1, ownerOf, say))}
${
  rest.length > 0 &&
  html`<h3>More keys, which are not drawn</h3>
${keyTable('More keys', rest, say)}`
}
${untold > 0 && html`<p class="soft">And ${untold} more keys.</p>`}
</section>`;
}

function legend(): Markup {
  const { devices, provider, unsure } = KNOWERS;
  return html`<p>Each drawing leads from where a key starts, above, down to the key. Every box says who could compute what stands in it, as far as was recorded:</p>
<ul class="legend">
<li><span class="held">${devices.sign} ${devices.tag}</span>, in a round box: no way was found for the provider to compute it. A lock says that it crossed sealed.</li>
<li><span class="unheld">${provider.sign} ${provider.tag}</span>, in a red box with corners: the provider could compute it. Thick red lines are the way.</li>
<li><span class="unsure">${unsure.sign} ${unsure.tag}</span>, in a dashed box: it was not seen where it came from.</li>
</ul>`;
}

function noKeys(streams: readonly StreamEvidence[]): string {
  if (streams.length === 0) return 'No key was found, as no media was recorded on its way to the provider.';
  const open = streams.filter(({ asIs }) => shows(asIs)).length;
  if (open === streams.length) return 'No key was needed: all media could be seen or heard as it passed.';
  return `No key was found. ${open} of ${streams.length} media streams could be seen or heard as they passed.`;
}

type OwnerOf = (publicKey: Uint8Array) => string | undefined;

function keyed(story: Story, number: number, ownerOf: OwnerOf, say: Say): Markup {
  const [key, ...others] = story.keys as [KeyEvidence, ...KeyEvidence[]];
  const { name, cipher, scheme, streams, frames, noncesReused } = key;
  const trusted = onTrust(key, ownerOf);
  const title = name.replace(/^k/, 'K');
  return html`<section class="key" aria-label="${say(name)}">
<h3>${say(title)}${others.length > 0 && ` and ${others.length} more like it`}</h3>
${
  others.length > 0 &&
  html`<p>${others.length} ${others.length === 1 ? 'key' : 'keys'} like this one: ${say(
    listed(
      others.map(({ name }) => name),
      MOST_NAMES,
    ),
  )}. Names and numbers in the drawing are those of ${say(name)}.</p>`
}
<figure class="drawing" tabindex="0" aria-label="Where ${say(name)} came from">${drawStory(story, say, number)}</figure>
<ol class="told">
${sentencesOf(story, say).map(
  (sentence) => html`<li>${sentence}</li>
`,
)}</ol>
<dl class="facts">
<dt>Cipher</dt><dd>${say(describeCipher(cipher))}${scheme ? html`, frames as <code>${say(scheme)}</code> lays them out` : undefined}</dd>
<dt>Seals</dt><dd>${frames} frames${streams.length > 0 && ` of ${say(sealedBy(streams))}`}</dd>
<dt>Found</dt><dd>${whereFound(key)}</dd>
<dt>Who made it</dt><dd>${whoMade(key).map((line) => html`${say(line)} `)}</dd>
<dt>Who holds it</dt><dd>${held(key, say)}</dd>
<dt>Within the provider’s reach</dt><dd>${withinReach(key, say)}</dd>
${noncesReused > 0 && html`<dt>Nonces</dt><dd>A nonce was used again ${noncesReused} ${noncesReused === 1 ? 'time' : 'times'}.</dd>`}
</dl>
${
  trusted.length > 0 &&
  html`<p class="note"><strong>Taken on trust.</strong> ${trusted.slice(0, MOST_LINES).map((line) => html`${say(line)} `)}${trusted.length > MOST_LINES && `And so did others, ${trusted.length - MOST_LINES} times. `}It was not seen doing so, but nothing that was recorded would let people notice.</p>`
}
${others.length > 0 && html`<details><summary>The other ${others.length === 1 ? 'key' : `${others.length} keys`}</summary>${keyTable('Keys like this one', others, say)}</details>`}
</section>
`;
}

function held({ holders, unaccounted }: KeyEvidence, say: Say): string {
  if (holders.length === 0) return 'It was not seen on any participant’s device.';
  const names = `${say(listed(holders, MOST_NAMES))}.`;
  if (unaccounted.length === 0) return names;
  return `${names} How ${say(listed(unaccounted, MOST_NAMES))} came to it was not seen.`;
}

function withinReach(key: KeyEvidence, say: Say): Markup {
  const answer = {
    yes: html`<strong class="unheld">Yes.</strong>`,
    unsure: html`<strong class="unsure">It seems so</strong>, but not every step of the way could be taken again, so that no verdict rests on it.`,
    no: html`<strong class="held">No way was found</strong> from anything that crossed the provider.`,
  }[reached(key)];
  const steps = key.path ?? [];
  const [first, last] =
    steps.length > MOST_LINES ? [steps.slice(0, MOST_LINES / 2), steps.slice(-MOST_LINES / 2)] : [steps, []];
  const told = (path: typeof steps) =>
    path.map(
      ({ text, evidence }) =>
        html`${say(text)} <span class="soft">(${evidence.length === 1 ? 'event' : 'events'} ${listed(evidence.map(String), MOST_NAMES)})</span>. `,
    );
  return html`${answer} ${told(first)}${last.length > 0 && `And so on, ${steps.length - MOST_LINES} steps more. `}${told(last)}`;
}

function keyTable(caption: string, keys: readonly KeyEvidence[], say: Say): Markup {
  const answers = { yes: '✗ yes', unsure: '? it seems so', no: '✓ no way was found' };
  return table(
    caption,
    ['Key', 'Seals', 'Cipher', 'Found', 'Who holds it', 'Within the provider’s reach'],
    keys.map((key) => [
      say(key.name).replaceAll(' ', '\u00a0'),
      `${key.frames} frames of ${say(sealedBy(key.streams))}`,
      say(describeCipher(key.cipher)),
      key.found,
      held(key, say),
      `${answers[reached(key)]}${key.path ? ` (events ${listed(key.path.flatMap(({ evidence }) => evidence).map(String), MOST_NAMES)})` : ''}`,
    ]),
  );
}

const VANTAGES: Record<string, string> = {
  call: 'the harness: what the pages showed and played',
  proxy: 'intercepting proxy: all HTTP and WebSocket traffic',
  page: 'hooks in the page: WebCrypto, peer connections, frames',
  rtp: 'packets as the server gets them, without SRTP',
  screen: 'a film of what the page showed and played',
  wire: 'packets as they crossed the network, which may be SRTP',
};

function record({ recording: { places: _, ...raw }, gathered }: Audit, recording: Recording, say: Say): Markup {
  const { health, streams } = gathered.evidence;
  const version = (index: number) => say(raw.vantagePoints[index]?.version ?? '');
  return html`<section aria-labelledby="record">
<h2 id="record">How it was recorded</h2>
${table(
  'Vantage points',
  ['Where', 'Whose', 'To the end', 'Version', 'Detail'],
  health.map(({ vantage, participant, alive, detail }, index) => [
    `${vantage} (${VANTAGES[vantage] ?? ''})`,
    say(participant ?? 'the call'),
    alive ? '✓ yes' : '✗ no',
    version(index),
    say(detail),
  ]),
)}
${table(
  'Media that participants sent, as it came to the server',
  ['Whose', 'Codec', 'Way', 'Frames', 'Sealed under a known key', 'Plain to see or hear'],
  streams.map(({ participant, medium, codec, route, frames, sealed, asIs }) => [
    say(`${participant}’s ${medium}`),
    say(codec ?? 'unknown'),
    WAYS[route],
    frames,
    sealed,
    shows(asIs) ? 'yes' : 'no',
  ]),
)}
${
  recording.places.length > 0 &&
  table(
    'Hosts, and where they are said to be',
    ['Host', 'Place', 'Says who'],
    recording.places.map(({ host, country, city, source }) => [host, city ? `${city}, ${country}` : country, source]),
  )
}
</section>`;
}

const WAYS: Record<StreamEvidence['route'], string> = {
  provider: 'through the provider’s server',
  direct: 'straight to a participant',
  own: 'nowhere: it stayed in the browser',
  unknown: 'not known',
};

function table(caption: string, columns: readonly string[], rows: readonly (string | number)[][]): Markup {
  const kind = (cell: string | number) => (typeof cell === 'number' ? 'number' : 'text');
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map((column, index) => html`<th scope="col" class="${kind(rows[0]?.[index] ?? '')}">${column}</th>`)}</tr></thead>
<tbody>
${rows.slice(0, MOST).map(
  (row) => html`<tr>${row.map((cell) => html`<td class="${kind(cell)}">${cell}</td>`)}</tr>
`,
)}</tbody>
</table></div>
${rows.length === 0 && html`<p>None.</p>`}
${more(rows.length)}`;
}

function again(recording: Recording, verdicts: Verdict[]): Markup {
  const { service, scenario, software } = recording;
  const address = /^https?:/.test(service.name);
  return html`<section aria-labelledby="again">
<h2 id="again">Do it again</h2>
<p>Judge this recording anew, in its folder; the verdicts are the same on any machine, and nothing needs a browser or a network:</p>
<pre>npx keywitness audit .</pre>
<p>Record a call of your own, with keywitness ${software.keywitness ?? ''}${address && '; what followed the path in the address is not recorded, since a secret could stand in it'}:</p>
<pre>npx keywitness run ${shellWord(service.name)} --scenario ${shellWord(scenario.name)} --seconds ${scenario.seconds}${address && verdicts.slice(0, MOST).map(asked).join('')}</pre>
</section>`;
}

function asked({ claim, params }: Verdict): string {
  const pairs = Object.entries(params).map(([name, value]) => `,${name}=${value}`);
  return ` --claim ${shellWord(`${claim}${pairs.join('')}`)}`;
}

/** One word for a POSIX shell, whatever is in it. */
function shellWord(text: string): string {
  return /^[\w./:,=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function glossary(): Markup {
  return html`<section aria-labelledby="verdicts">
<h2 id="verdicts">What the verdicts mean</h2>
<dl class="facts">
${Object.entries(VERDICTS).map(
  ([kind, { means }]) => html`<dt>${badge(kind as Verdict['verdict'])}</dt><dd>${means}</dd>
`,
)}</dl>
</section>`;
}

function badge(kind: Verdict['verdict']): Markup {
  return html`<span class="badge ${kind}"><span aria-hidden="true">${VERDICTS[kind].sign} </span>${kind}</span>`;
}

function says(claim: Claim | undefined, id: string): string {
  return claim?.says ?? id;
}

function asStated(params: Verdict['params']): Markup | undefined {
  const text = stated(params);
  return text ? html` <span class="soft">Stated: ${text}.</span>` : undefined;
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

function more(length: number): Markup | undefined {
  return length > MOST ? html`<p class="soft">And ${length - MOST} more.</p>` : undefined;
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ');

/** `2020-04-03T12:00:00.000Z` as `3 April 2020, 12:00 UTC`. */
function when(iso: string): string {
  const date = new Date(iso);
  const time = date.toISOString().slice(11, 16);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}, ${time} UTC`;
}

/** The same with each text made fit to be shown. */
function sayAll<T>(value: T, say: Say): T {
  if (typeof value === 'string') return say(value) as T;
  if (Array.isArray(value)) return value.map((one) => sayAll(one, say)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [say(name), sayAll(one, say)])) as T;
}
