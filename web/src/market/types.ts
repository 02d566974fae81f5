import type { components } from "../api/schema";

type Schemas = components["schemas"];

export type AppSummary = Schemas["AppSummary"];
export type AppDetail = Schemas["AppDetail"];
export type AppEvent = Schemas["AppEvent"];
export type Facets = Schemas["AppCounts"];
