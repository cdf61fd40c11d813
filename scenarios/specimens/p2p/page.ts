/** Leaves the frames alone. */
import { peer } from '../base/client/peer.ts';

peer();
