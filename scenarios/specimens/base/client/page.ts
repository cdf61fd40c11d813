/** The page of a specimen that leaves the frames alone. */
import { conference } from './conference.ts';

conference();
