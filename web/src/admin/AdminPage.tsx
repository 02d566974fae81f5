import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { m } from "../messages";
import { NoAccess } from "../pieces/Empty";
import { NoticeBox } from "../pieces/Notice";
import { Page, Panel } from "../pieces/Page";
import { Tabs } from "../pieces/Tabs";
import { useSelf } from "../session/session";
import { BackToSetup } from "./Back";
import { proposalsQuery } from "./calls";
import { allowed, type Section, sections } from "./sections";

interface Props {
  section: Section;
  /** Of a screen inside the section; the section's own words without it. */
  title?: string;
  heading?: ReactNode;
  above?: ReactNode;
  words?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A screen of administration: its section among the others, and whether the person may be here at all. */
export function AdminPage({ section, title, children, actions, ...page }: Props) {
  const self = useSelf();
  const may = allowed(self.can);
  const waiting = useQuery({ ...proposalsQuery, enabled: may.includes("proposals") }).data?.items.length;
  return (
    <Page
      title={title ?? m.admin.sections[section]}
      {...page}
      actions={
        may.includes(section) ? (
          <>
            <BackToSetup />
            {actions}
          </>
        ) : undefined
      }
    >
      <Tabs
        label={m.admin.title}
        open={section}
        tabs={may.map((id) => ({
          id,
          label: m.admin.sections[id],
          to: `/admin/${id}`,
          count: id === "proposals" && waiting ? waiting : undefined,
        }))}
      />
      {may.includes(section) ? (
        <>
          {!self.can.includes(sections[section].write) && <NoticeBox tone="info" title={m.admin.readOnly} />}
          {children}
        </>
      ) : (
        <Panel>
          <NoAccess words={m.admin.noAccessWords} />
        </Panel>
      )}
    </Page>
  );
}

/** Whether the person may change what a section shows. */
export function useWrites(section: Section): boolean {
  return useSelf().can.includes(sections[section].write);
}
