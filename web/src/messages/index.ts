import { account } from "./account";
import { admin } from "./admin";
import { audit } from "./audit";
import { common } from "./common";
import { entry } from "./entry";
import { flag } from "./flag";
import { home } from "./home";
import { palette } from "./palette";
import { pieces } from "./pieces";
import { publish } from "./publish";
import { recipes } from "./recipes";
import { request } from "./request";
import { secrets } from "./secrets";
import { setup } from "./setup";
import { state } from "./state";

/** Every sentence that the console says. A translation is another folder like this one. */
export const m = { ...common, setup, secrets, recipes, admin, account, audit, entry, flag, home, palette, pieces, publish, request, state };
