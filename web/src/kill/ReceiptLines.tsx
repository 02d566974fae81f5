import { useQuery } from "@tanstack/react-query";
import { killQuery } from "../api/calls";
import type { Receipt } from "../api/types";
import { m } from "../messages";
import classes from "./Kill.module.css";

/** How far a kill got, as it grows for some seconds. It begins with what the answer to the kill said. */
export function ReceiptLines({ first }: { first: Receipt }) {
  const id = first.kill_id ?? "";
  const kill = useQuery({ ...killQuery(id), enabled: id !== "" });
  const receipt = kill.data?.receipt ?? first;
  return (
    <ul className={classes.receipt} aria-label={m.kills.receipt}>
      {m.kills.receiptWords(receipt, Date.now()).map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}
