import type { ReactNode } from "react";
import type { Content } from "../api/types";
import type { Act } from "./draft";

/** What every form over the content of a request gets. */
export interface FormProps {
  content: Content;
  /** Paths that were typed into. */
  touched: string[];
  /** Id of the request that is edited; absent for a new one. */
  editing?: string;
  act: (act: Act) => void;
  /** Sends the content; busy while it is under way. */
  submit: (content: Content) => void;
  submitLabel: string;
  busy: boolean;
  problem: unknown;
  /** Shown above the button. */
  obstacle?: ReactNode;
  /** Shown below it: where the draft stands. */
  after?: ReactNode;
}
