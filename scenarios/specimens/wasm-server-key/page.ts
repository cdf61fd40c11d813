/** The same page as server-key's: only the worker's cipher is another. */
import '../server-key/page.ts';
