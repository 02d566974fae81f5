import type { Request } from "../api/types";

/** What a request is called: the server says it, for every kind. */
export const titleOf = (request: Pick<Request, "title">): string => request.title;
