import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { m } from "../messages";
import { whole } from "../model/address";
import { writable, written } from "../model/document";
import { Loading } from "../pieces/Loading";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { Row, Rows } from "../pieces/Rows";
import { useFilters } from "../pieces/useFilters";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import classes from "./Admin.module.css";
import { versionsQuery } from "./calls";
import { LineDiff } from "./LineDiff";

const address = { from: whole(1_000_000), to: whole(1_000_000) };

/** All versions of a template, and what differs between any two. */
export function TemplateVersions({ id }: { id: string }) {
  const words = m.recipes.templates;
  const query = useQuery(versionsQuery(id));
  const { read, set } = useFilters(address);
  if (query.error && !query.data) return <Notice problem={query.error} retry={query.refetch} />;
  if (!query.data) return <Loading panels={[240]} />;
  const { items } = query.data;
  const named = (name: "from" | "to") => items.find((one) => one.version === read(name));
  const to = named("to") ?? items[0];
  const from = named("from") ?? items.find((one) => to && one.version === to.version - 1) ?? items.at(-1);
  const choices = items.map((one) => ({ value: String(one.version), label: words.version(one.version) }));
  const same = from && to && written(writable(from)) === written(writable(to));
  return (
    <>
      <Panel title={words.versions} flush>
        <p className={classes.quiet} style={{ padding: "0 20px" }}>
          {words.versionsWords}
        </p>
        <Rows label={words.versions}>
          {items.map((one) => (
            <Row
              key={one.version}
              title={words.version(one.version)}
              words={
                <>
                  {words.by} <Who email={one.created_by} />
                </>
              }
              at={<When at={one.created_at} />}
            />
          ))}
        </Rows>
      </Panel>
      {items.length > 1 && from && to && (
        <Panel title={words.compare}>
          <div className={classes.row} style={{ marginBottom: 12 }}>
            <NativeSelect
              label={words.from}
              data={choices}
              value={String(from.version)}
              onChange={(event) => set("from", event.currentTarget.value)}
            />
            <NativeSelect
              label={words.to}
              data={choices}
              value={String(to.version)}
              onChange={(event) => set("to", event.currentTarget.value)}
            />
          </div>
          {same ? (
            words.same
          ) : (
            <LineDiff label={words.compare} before={written(writable(from))} after={written(writable(to))} />
          )}
        </Panel>
      )}
    </>
  );
}
