import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { about } from "../api/live";
import { m } from "../messages";
import { whole } from "../model/address";
import { onlyGrew } from "../model/merkle";
import { exact } from "../model/time";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useFilters } from "../pieces/useFilters";
import classes from "./Audit.module.css";

const address = { since: whole(Number.MAX_SAFE_INTEGER) };

/** Checks in the browser that the log as it is now begins with what an earlier checkpoint signed. */
export function Grown() {
  const words = m.audit;
  const { read, set } = useFilters(address);
  const list = useQuery({
    queryKey: ["checkpoints"],
    queryFn: () => unwrap(api.GET("/api/v1/audit/checkpoints", { params: { query: { limit: 100 } } })),
    meta: about("audit"),
  });
  const items = (list.data?.items ?? []).filter((one) => one.size > 0);
  const since = read("since") ?? 0;
  const proof = useQuery({
    queryKey: ["consistency", since],
    queryFn: async () => {
      const told = await unwrap(api.GET("/api/v1/audit/consistency", { params: { query: { from: since } } }));
      return { ...told, holds: await onlyGrew(told) };
    },
    enabled: since > 0,
    meta: about("audit"),
  });
  return (
    <Panel title={words.grown}>
      <p className={classes.lead}>{items.length > 1 ? words.grownWords : words.noCheckpoints}</p>
      {list.error && !list.data && <Notice problem={list.error} retry={list.refetch} />}
      {(items.length > 1 || since > 0) && (
        <NativeSelect
          label={words.since}
          value={since ? String(since) : ""}
          onChange={(event) => set("since", event.currentTarget.value || null)}
          data={[
            { value: "", label: "" },
            ...(since > 0 && !items.some((one) => one.size === since)
              ? [{ value: String(since), label: words.sinceOption(since, "") }]
              : []),
            ...items.map((one) => ({
              value: String(one.size),
              label: words.sinceOption(one.size, one.at ? exact(new Date(one.at)) : ""),
            })),
          ]}
          mb="sm"
        />
      )}
      {proof.error && !proof.data && <Notice problem={proof.error} retry={proof.refetch} />}
      {since > 0 &&
        proof.data &&
        (proof.data.holds ? (
          <NoticeBox tone="on" title={words.grew(proof.data.from, proof.data.to)}>
            <p>{words.grewWords(proof.data.hashes.length)}</p>
          </NoticeBox>
        ) : (
          <NoticeBox tone="danger" title={words.notGrown}>
            <p>{words.notGrownWords}</p>
          </NoticeBox>
        ))}
    </Panel>
  );
}
