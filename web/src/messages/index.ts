import { audit } from "./audit";
import { common } from "./common";
import { flag } from "./flag";
import { home } from "./home";
import { publish } from "./publish";
import { request } from "./request";
import { state } from "./state";

/** Every sentence that the console says. A translation is another folder like this one. */
export const m = { ...common, audit, flag, home, publish, request, state };
