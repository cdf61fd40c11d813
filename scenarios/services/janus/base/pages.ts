/** What adapters of the demo pages share: each page has a start button that becomes its stop button, and tells errors in alerts. */
import type { Page } from 'playwright';

/** ms for a step of joining or leaving; it takes a fraction of a second. */
export const STEP_WITHIN = 15_000;

/** Waits until the page shows an element; rejects with what it says if it shows an alert instead. */
export async function arrival(page: Page, selector: string): Promise<void> {
  const alert = page.locator('.bootbox-alert .bootbox-body');
  const wanted = page.locator(selector);
  await wanted.or(alert).filter({ visible: true }).first().waitFor({ timeout: STEP_WITHIN });
  if (await alert.isVisible()) throw new Error(`the page says: ${(await alert.textContent())?.trim()}`);
}

/** The page's stop button ends its session; then the page reloads itself. */
export async function leave(page: Page): Promise<void> {
  const reloaded = page.waitForEvent('load', { timeout: STEP_WITHIN });
  await Promise.all([reloaded, page.click('#start', { timeout: STEP_WITHIN })]);
}
