import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconHandStop } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { environmentsQuery, groupsQuery, tagsQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import { about } from "../api/live";
import type { Receipt } from "../api/types";
import { m } from "../messages";
import { ConfirmButton } from "../pieces/Confirm";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import classes from "./Kill.module.css";
import { ReceiptLines } from "./ReceiptLines";
import { useKillMany } from "./useKillMany";

const words = m.kills;
type Kind = keyof typeof words.kinds;

/** Turns off everything of an app, a team or an environment, after saying how much that is. */
export function KillForm() {
  const [kind, setKind] = useState<Kind>("app");
  const [name, setName] = useState("");
  const [where, setWhere] = useState<string | null>(null);
  const [done, setDone] = useState<Receipt>();
  const kill = useKillMany();
  const [search, setSearch] = useState("");
  const [q] = useDebouncedValue(search === name ? "" : search, 200); // what is chosen is no search: others can be chosen instead
  const apps = useQuery({
    queryKey: ["apps", "input", q],
    queryFn: () => unwrap(api.GET("/api/v1/apps", { params: { query: { q: q || undefined, limit: 20 } } })),
    placeholderData: keepPreviousData,
  });
  const environments = useQuery(environmentsQuery).data?.items ?? [];
  const tags =
    useQuery({
      ...tagsQuery(q),
      enabled: kind === "tag",
      placeholderData: keepPreviousData,
    }).data?.items ?? [];
  const groups = useQuery(groupsQuery).data?.items ?? [];
  const environment = where ?? environments.find((one) => one.tier === "production")?.name ?? "";
  const select = kind === "environment" ? { environment } : { [kind]: name };
  const complete = environment !== "" && (kind === "environment" || name !== "");
  const extent = useQuery({
    queryKey: ["kills", "count", select, environment],
    queryFn: () => unwrap(api.POST("/api/v1/kills:count", { body: { select, environment } })),
    enabled: complete,
    meta: about("flag"),
  });
  const what = words.whatOf({ select });
  const flags = extent.data?.flags ?? 0;
  return (
    <Panel>
      <div className={classes.choice}>
        <Select
          label={words.what}
          data={Object.entries(words.kinds).map(([value, label]) => ({ value, label }))}
          value={kind}
          allowDeselect={false}
          onChange={(value) => {
            setKind((value ?? "app") as Kind);
            setName("");
            setSearch("");
          }}
        />
        {kind === "app" && (
          <Select
            label={words.app}
            searchable
            onSearchChange={setSearch}
            filter={({ options }) => options}
            data={(apps.data?.items ?? []).map((app) => app.slug)}
            value={name || null}
            onChange={(value) => setName(value ?? "")}
          />
        )}
        {kind === "tag" && (
          <Select
            label={words.tag}
            searchable
            onSearchChange={setSearch}
            filter={({ options }) => options}
            data={tags.map((tag) => tag.name)}
            value={name || null}
            onChange={(value) => setName(value ?? "")}
          />
        )}
        {kind === "owner" && (
          <Select
            label={words.owner}
            searchable
            data={groups.map((group) => group.name)}
            value={name || null}
            onChange={(value) => setName(value ?? "")}
          />
        )}
        <Select
          label={words.where}
          data={environments.map((one) => one.name)}
          value={environment}
          allowDeselect={false}
          onChange={setWhere}
        />
      </div>
      <div className={classes.extent} aria-live="polite">
        {!complete && <p className={classes.words}>{words.choose}</p>}
        {complete && extent.error && <Notice problem={extent.error} />}
        {complete && extent.isLoading && <p className={classes.words}>{words.counting}</p>}
        {extent.data && flags === 0 && <p className={classes.words}>{words.nothing}</p>}
        {extent.data && flags > 0 && (
          <>
            <ConfirmButton
              label={words.act(flags)}
              title={words.confirm(what, environment)}
              danger
              reason="optional"
              button={{
                color: "red",
                variant: "filled",
                leftSection: <IconHandStop size={16} aria-hidden />,
              }}
              happens={words.happens(flags, environment)}
              run={async (reason) => {
                const act = await kill.mutateAsync({
                  select,
                  environment,
                  expect_flags: flags,
                  reason: reason || words.defaultReason,
                });
                setDone(act.receipt);
              }}
            />
            <p className={classes.words}>
              {words.extent(flags, extent.data.apps, extent.data.killed)}:{" "}
              {words.some(extent.data.keys.slice(0, 5), flags)}
            </p>
          </>
        )}
      </div>
      {done && (
        <NoticeBox tone="on" title={words.done}>
          <ReceiptLines first={done} />
        </NoticeBox>
      )}
    </Panel>
  );
}
