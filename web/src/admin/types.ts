import type { paths } from "../api/schema";

// Shapes that only administration and one's own account show, by what is asked for.

type Json<R> = R extends { content: { "application/json": infer B } } ? B : never;
type Answer<O> = O extends { responses: infer R } ? Json<R[keyof R & (200 | 201)]> : never;
type Item<T> = T extends { items: (infer I)[] } ? I : never;

export type Invitation = Answer<paths["/api/v1/people/{email}/reset-link"]["post"]>;
export type Somebody = Item<Answer<paths["/api/v1/people"]["get"]>>;
export type Session = Item<Answer<paths["/api/v1/sessions"]["get"]>>;
export type Proposal = Item<Answer<paths["/api/v1/proposals"]["get"]>>;
export type SetupItem = Item<Answer<paths["/api/v1/setup"]["get"]>>;
export type Trial = Answer<paths["/api/v1/policies:try"]["post"]>;
export type DryRun = Answer<paths["/api/v1/policies:dry-run"]["post"]>;
export type TemplateCheck = Answer<paths["/api/v1/templates:check"]["post"]>;
