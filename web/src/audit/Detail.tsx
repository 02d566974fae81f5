import { Drawer } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { proofQuery } from "../api/calls";
import { Problem } from "../api/client";
import { queries } from "../api/queries";
import type { AuditEntry } from "../api/types";
import { m } from "../messages";
import { included } from "../model/merkle";
import { exact } from "../model/time";
import { Code, inJson } from "../pieces/Code";
import { Facts } from "../pieces/Facts";
import { Loading } from "../pieces/Loading";
import { Notice, NoticeBox } from "../pieces/Notice";
import classes from "./Audit.module.css";

interface Props {
  id: string;
  entry: AuditEntry | undefined;
  close: () => void;
}

/** One event, as it stands in the log, with the proof that it is in it. */
export function Detail({ id, entry, close }: Props) {
  return (
    <Drawer.Root opened={id !== ""} onClose={close} position="right" size="lg">
      <Drawer.Overlay />
      <Drawer.Content>
        <div className={classes.drawerHead}>
          <Drawer.Title className={classes.drawerTitle}>
            {entry ? (m.audit.names[entry.event] ?? entry.event) : m.audit.detail}
          </Drawer.Title>
          <Drawer.CloseButton aria-label={m.close} />
        </div>
        <Drawer.Body>{id && <Body id={id} entry={entry} />}</Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}

function Body({ id, entry: listed }: { id: string; entry: AuditEntry | undefined }) {
  const proof = useQuery({
    queryKey: ["proof", id, "checked"],
    queryFn: async () => {
      const told = await queries.fetchQuery(proofQuery(id));
      return { ...told, holds: await included(told) };
    },
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: (query) => (query.state.data ? false : 1000),
  });
  const words = m.audit;
  // An event that is opened by its address may not be in the list: then the proof tells it.
  const entry =
    listed ?? (proof.data ? { ...(proof.data.event as AuditEntry), leaf: proof.data.leaf } : undefined);
  const event = proof.data?.event ?? entry;
  const soon = proof.error instanceof Problem && proof.error.status === 409;
  return (
    <div className={classes.detail}>
      {entry && (
        <>
          <Facts
            rows={[
              [words.columns.event, entry.event],
              [words.columns.actor, entry.actor],
              [words.columns.at, exact(new Date(entry.timestamp))],
              [words.columns.leaf, entry.leaf === null ? words.soon : `#${entry.leaf}`],
              [
                words.credential,
                [entry.credential.kind, entry.credential.made_by].filter(Boolean).join(", "),
              ],
              ...(entry.reason ? [[words.columns.reason, entry.reason] as [string, string]] : []),
              ...Object.entries(proof.data?.texts ?? {}).map(
                ([path, { text }]) => [path, text] as [string, string],
              ),
            ]}
          />
          <p className={classes.links}>
            {entry.flag_key && (
              <Link to={`/flags/${encodeURIComponent(entry.flag_key)}`}>{words.openFlag}</Link>
            )}
            {entry.request_id && <Link to={`/requests/${entry.request_id}`}>{words.openRequest}</Link>}
          </p>
        </>
      )}
      {event !== undefined && (
        <>
          <h3 className={classes.heading}>{words.json}</h3>
          <Code label={words.json} copy={inJson(event)}>
            {inJson(event)}
          </Code>
        </>
      )}
      <h3 className={classes.heading}>{words.proof}</h3>
      {proof.data ? (
        <>
          <Checked holds={proof.data.holds} />
          <p>{words.proofWords(proof.data.leaf, proof.data.checkpoint.size, proof.data.hashes.length)}</p>
          <Code label={words.proof} copy={inJson(proof.data)}>
            {inJson({ leaf: proof.data.leaf, leaf_hash: proof.data.leaf_hash, hashes: proof.data.hashes })}
          </Code>
        </>
      ) : soon || entry?.leaf === null ? (
        <p>{words.proofSoon}</p>
      ) : proof.error ? (
        <Notice problem={proof.error} retry={proof.refetch} />
      ) : (
        <Loading panels={[80]} />
      )}
    </div>
  );
}

/** What the browser itself found of the proof. */
const Checked = ({ holds }: { holds: boolean }) => (
  <NoticeBox tone={holds ? "on" : "danger"} title={holds ? m.audit.checked : m.audit.notChecked} />
);
