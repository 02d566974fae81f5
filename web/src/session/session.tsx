import { useSuspenseQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { sessionQuery } from "../api/calls";
import type { Person } from "../api/types";

export interface Self extends Person {
  /** Actions that the person may do wherever they are. */
  can: string[];
}

export const SelfContext = createContext<Self | null>(null);

/** The person who is signed in. Only screens inside the shell may ask. */
export function useSelf(): Self {
  const self = useContext(SelfContext);
  if (!self) throw new Error("useSelf outside the shell");
  return self;
}

/** The session as the server tells it, signed in or not. */
export const useSession = () => useSuspenseQuery(sessionQuery).data;
