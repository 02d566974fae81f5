import { account } from "./account";
import { admin } from "./admin";
import { audit } from "./audit";
import { bring } from "./bring";
import { change } from "./change";
import { common } from "./common";
import { entry } from "./entry";
import { flag } from "./flag";
import { home } from "./home";
import { kills } from "./kills";
import { life } from "./life";
import { app, market } from "./market";
import { palette } from "./palette";
import { pieces } from "./pieces";
import { publish } from "./publish";
import { recipes } from "./recipes";
import { request } from "./request";
import { reviews } from "./reviews";
import { secrets } from "./secrets";
import { setup } from "./setup";
import { state } from "./state";
import { trial } from "./trial";
import { usage } from "./usage";

/** Every sentence that the console says. A translation is another folder like this one. */
export const m = {
  ...common,
  account,
  admin,
  app,
  audit,
  bring,
  change,
  entry,
  flag,
  home,
  kills,
  life,
  market,
  palette,
  pieces,
  publish,
  recipes,
  request,
  reviews,
  secrets,
  setup,
  state,
  trial,
  usage,
};
