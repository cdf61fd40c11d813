/** The pages of a specimen. They show what a vendor's pages show: the call, the badge, and what the vendor says of security. */
import type { VendorProfile } from '../../../harness/recording/format.ts';
import type { Specimen } from './specimen.ts';

/** `/` */
export function homePage(specimen: Specimen): string {
  return document(specimen, '<p>Meetings in your browser. To start one, open <code>/room/</code> and a name.</p>');
}

/** `/security`: the vendor's statements, word for word. */
export function securityPage(specimen: Specimen, vendor: VendorProfile): string {
  const statements = vendor.statements.map(({ quote }) => `<p>${escapeHtml(quote)}</p>`).join('\n');
  return document(specimen, `<h2>Security</h2>\n${statements}`);
}

/** `/room/MEETING`: the call; who joins is in the fragment, `#name=alice`. */
export function roomPage(specimen: Specimen): string {
  return document(
    specimen,
    `<p id="badge" hidden>&#128274; ${escapeHtml(specimen.badge)}</p>
<p id="status" role="status"></p>
<p id="verification" hidden>Verification code: <output id="verification-code"></output></p>
<p><button id="join">Join</button> <button id="leave" hidden>Leave</button></p>
<div id="participants">
<figure><video id="local-video" autoplay playsinline muted></video><figcaption>You</figcaption></figure>
</div>
<script src="/page.js"></script>`,
  );
}

function document({ name }: Specimen, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeHtml(name)}</title>
<link rel="icon" href="data:,">
<style>
body { font: 16px system-ui, sans-serif; margin: 1rem }
figure { display: inline-block; margin: 0 1rem 1rem 0 }
video { width: 320px; height: 180px; background: #222 }
</style>
<body data-state="ready">
<h1>${escapeHtml(name)}</h1>
${body}
<footer><a href="/security">Security</a></footer>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
