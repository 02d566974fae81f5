import { Button, Checkbox } from "@mantine/core";
import { IconCircleCheck, IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { about, complianceQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import type { Completion, Incomplete } from "../api/types";
import classes from "../bring/Bring.module.css";
import { CompleteForm } from "../bring/CompleteForm";
import { Given } from "../bring/Given";
import { Progress } from "../bring/Progress";
import { m } from "../messages";
import { keyOf } from "../model/address";
import { list as joined, number } from "../model/text";
import { Empty } from "../pieces/Empty";
import { FilterBar, FilterChoice } from "../pieces/FilterBar";
import { type Column, Listing } from "../pieces/Listing";
import { Page, Panel } from "../pieces/Page";
import { useFilters } from "../pieces/useFilters";
import { useListing } from "../pieces/useListing";
import { useSelf } from "../session/session";

const words = m.bring;
const address = { lacks: keyOf(m.bring.lack) };

/** Which flags lack an owner, a contact, a TTL or an off value, and how that changes; those who may give many of them what they lack. */
export function Component() {
  const self = useSelf();
  const filters = useFilters(address);
  const lacks = filters.read("lacks");
  const summary = useQuery(complianceQuery).data;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const list = useListing<Incomplete>({
    key: ["compliance", lacks],
    read: (cursor, signal) =>
      unwrap(
        api.GET("/api/v1/insight/compliance", { params: { query: { lacks, cursor, limit: 50 } }, signal }),
      ),
    meta: about("flag", "lifecycle"),
  });
  const [given, setGiven] = useState<Completion>();
  const mayGive = self.can.includes("flag.import");
  const shown = list.items ?? [];
  const picked = shown.filter((flag) => chosen.has(flag.key));
  function toggle(key: string) {
    const next = new Set(chosen);
    if (!next.delete(key)) next.add(key);
    setChosen(next);
  }
  return (
    <Page
      title={words.lacksTitle}
      words={words.lacksWords}
      actions={
        mayGive && (
          <Button
            variant="default"
            component={Link}
            to="/import"
            leftSection={<IconDownload size={16} aria-hidden />}
          >
            {words.importTitle}
          </Button>
        )
      }
    >
      {summary && (
        <Panel title={words.share(summary.now.complete, summary.now.flags)}>
          <p className={classes.words}>{words.counts(summary.now)}</p>
          <Progress compliance={summary} />
        </Panel>
      )}
      {mayGive && shown.length > 0 && (
        <Panel title={words.give}>
          <CompleteForm
            chosen={picked}
            done={(outcome) => {
              setChosen(new Set());
              setGiven(outcome);
            }}
          />
        </Panel>
      )}
      {given && <Given outcome={given} />}
      <FilterBar filters={filters}>
        <FilterChoice
          filters={filters}
          name="lacks"
          label={words.filter}
          data={Object.entries(words.lack).map(([value, label]) => ({ value, label }))}
        />
        {mayGive && shown.length > 0 && (
          <Button
            size="sm"
            variant="subtle"
            onClick={() => setChosen(new Set(picked.length > 0 ? [] : shown.map((flag) => flag.key)))}
          >
            {picked.length > 0 ? words.chooseNone : words.chooseAll(shown.length)}
          </Button>
        )}
      </FilterBar>
      <Panel flush>
        <Listing
          label={words.lacksTitle}
          columns={columns(mayGive ? { chosen, toggle } : undefined)}
          list={list}
          rowKey={(flag) => flag.key}
          href={(flag) => `/flags/${encodeURIComponent(flag.key)}`}
          filtered={filters.filtered}
          clear={filters.clear}
          nothing={
            <Empty tall icon={<IconCircleCheck />} title={words.complete} words={words.completeWords} />
          }
        />
      </Panel>
    </Page>
  );
}

interface Choice {
  chosen: ReadonlySet<string>;
  toggle: (key: string) => void;
}

const columns = (choice: Choice | undefined): Column<Incomplete>[] => [
  { title: words.flag, cell: (flag) => flag.key },
  ...(choice
    ? [
        {
          title: words.choose,
          cell: (flag: Incomplete) => (
            <span className={classes.check}>
              <Checkbox
                aria-label={words.chooseOne(flag.key)}
                checked={choice.chosen.has(flag.key)}
                onChange={() => choice.toggle(flag.key)}
              />
            </span>
          ),
        },
      ]
    : []),
  { title: words.lacksShort, cell: (flag) => joined(flag.lacks.map((lack) => words.lack[lack])) },
  { title: words.owner, cell: (flag) => flag.owner || "–" },
  { title: words.used, end: true, cell: (flag) => number(flag.evaluations) },
];
