import { m } from "../messages";

const names: Record<string, string> = m.publish.app.categories;

/** What a category is called to people. */
export const categoryOf = (id: string): string => names[id] ?? id;
