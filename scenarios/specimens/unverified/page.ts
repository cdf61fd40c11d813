/** The same client as its twin's. */
import '../trusting/page.ts';
