import { audit } from "./audit";
import { common } from "./common";
import { entry } from "./entry";
import { flag } from "./flag";
import { home } from "./home";
import { pieces } from "./pieces";
import { publish } from "./publish";
import { request } from "./request";
import { state } from "./state";

/** Every sentence that the console says. A translation is another folder like this one. */
export const m = { ...common, audit, entry, flag, home, pieces, publish, request, state };
