import type { components, operations } from "./schema";

// The wire types by short names. They come from the generated schema; nothing here is written by hand.

type Schemas = components["schemas"];

export type App = Schemas["AppSummary"];
export type AppData = Schemas["AppData"];
export type AppDraft = Schemas["RequestApp"];
export type Assessment = Schemas["Assessment"];
export type AudienceSize = Schemas["AudienceSize"];
export type AuditEntry = Schemas["Entry"];
export type AuditFilter = Omit<
  NonNullable<operations["list-audit-events"]["parameters"]["query"]>,
  "cursor" | "limit"
>;
export type Change = Schemas["Change"];
export type Check = Schemas["CheckResult"];
export type CheckStatus = Check["status"];
export type Checkpoint = Schemas["Checkpoint"];
export type Completion = Schemas["Completion"];
export type Compliance = Schemas["Compliance"];
export type Content = Schemas["RequestContent"];
export type Decision = Schemas["Decision"];
export type DemoPerson = Schemas["DemoPerson"];
export type Environment = Schemas["Environment"];
export type Finding = Schemas["Finding"];
export type Flag = Schemas["FlagDetail"];
export type FlagEnvironment = Schemas["FlagEnvironment"];
export type FlagSummary = Schemas["FlagSummary"];
export type FlagUsage = Schemas["FlagUsage"];
export type UsageClient = Schemas["UsageClient"];
export type UsageSeries = Schemas["UsageSeries"];
export type FlagQuery = NonNullable<operations["list-flags"]["parameters"]["query"]>;
export type Group = Schemas["Group"];
export type ImportOutcome = Schemas["ImportOutcome"];
export type Incomplete = Schemas["Incomplete"];
export type InboxItem = Schemas["InboxItem"];
export type KillAct = Schemas["KillAct"];
export type Lifecycle = Schemas["LifecycleStatus"];
export type LifecycleState = Lifecycle["state"];
export type Need = Schemas["Need"];
export type Patch = Schemas["Patch"];
export type Person = Schemas["SessionPerson"];
export type ProblemBody = Schemas["Problem"];
export type Receipt = Schemas["Receipt"];
export type Request = Schemas["Request"];
export type RequestQuery = NonNullable<operations["list-requests"]["parameters"]["query"]>;
export type RequestState = Request["state"];
export type Revision = Schemas["Revision"];
export type Risk = Request["risk"];
export type Rollout = Schemas["Rollout"];
export type RolloutState = Rollout["state"];
export type RolloutStep = Schemas["RolloutStep"];
export type Segment = Schemas["Segment"];
export type Serving = Schemas["Serving"];
export type Template = Schemas["Template"];
export type TemplateField = Schemas["TemplateField"];
export type TimelineEntry = Schemas["TimelineEntry"];
export type JoinLink = Schemas["Link"];
export type LifecyclePolicy = Schemas["LifecyclePolicy"];
export type Policy = Schemas["Policy"];
export type SDKKey = Schemas["SDKKey"];
export type TemplateDocument = Schemas["TemplateDocument"];
export type Token = Schemas["Token"];
export type Trial = Schemas["Trial"];
export type Explanation = Schemas["Explanation"];
export type Rehearsal = Schemas["Rehearsal"];
export type FlagChange = Schemas["FlagChange"];
