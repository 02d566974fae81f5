import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { AdminPage, useWrites } from "../../admin/AdminPage";
import { segmentQuery } from "../../admin/calls";
import { SegmentForm } from "../../admin/SegmentForm";
import { SegmentHistory } from "../../admin/SegmentHistory";
import type { Segment } from "../../api/types";
import { m } from "../../messages";
import { sentence } from "../../model/text";
import { Loading } from "../../pieces/Loading";
import { Missing, NoticeBox } from "../../pieces/Notice";
import { Panel } from "../../pieces/Page";

const fresh: Segment = {
  name: "",
  title: "",
  description: "",
  everybody: false,
  groups: [],
  people: [],
  rules: [],
  match: "all",
  revision: 0,
};

/** One audience, or a new one. */
export function Component() {
  const { name = "" } = useParams();
  const make = name === "new";
  const writes = useWrites("segments");
  const query = useQuery({ ...segmentQuery(name), enabled: !make });
  const segment = make ? fresh : query.data;
  const words = m.admin.segments;
  return (
    <AdminPage
      section="segments"
      title={make ? words.newTitle : (segment?.title ?? name)}
      above={<Link to="/admin/segments">{words.title}</Link>}
      words={make ? undefined : name}
    >
      {!make && query.isPending && <Loading panels={[480]} />}
      {!make && query.error && !query.data && <Missing problem={query.error} retry={query.refetch} />}
      {query.data && !make && (
        <NoticeBox tone="info" title={sentence(query.data.words)}>
          <p>{words.reach(query.data.reach.people, query.data.reach.exact)}</p>
        </NoticeBox>
      )}
      {segment &&
        (writes ? (
          <SegmentForm key={segment.name} segment={segment} />
        ) : (
          <Panel>{sentence(segment.description)}</Panel>
        ))}
      {query.data && !make && <SegmentHistory segment={query.data} writes={writes} />}
    </AdminPage>
  );
}
