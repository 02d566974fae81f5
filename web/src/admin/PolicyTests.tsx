import { IconCheck, IconFlask, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { m } from "../messages";
import { Chip } from "../pieces/Chip";
import { Empty } from "../pieces/Empty";
import { Loading } from "../pieces/Loading";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { Row, Rows } from "../pieces/Rows";
import { trialQuery } from "./calls";
import { notesOf } from "./PolicyEditor";

/** The tests of a policy, run on the source as it stands in the editor. */
export function PolicyTests({ name, source }: { name: string; source: string }) {
  const words = m.recipes.policies;
  const query = useQuery(trialQuery({ source, name, input: {} }));
  if (query.error) {
    const notes = notesOf(query.error);
    return notes.length > 0 ? (
      <Panel>
        {notes.map((note) => (
          <p key={note.words}>{note.words}</p>
        ))}
      </Panel>
    ) : (
      <Notice problem={query.error} retry={query.refetch} />
    );
  }
  if (!query.data) return <Loading panels={[240]} />;
  const { tests } = query.data;
  return (
    <Panel title={words.tests} flush>
      {tests.length === 0 && (
        <Empty icon={<IconFlask />} title={words.testsNone} words={words.testsNoneWords} />
      )}
      <Rows label={words.tests}>
        {tests.map((test) => (
          <Row
            key={test.name}
            title={test.name}
            words={[words.line(test.line), test.words].filter(Boolean).join(" · ")}
            end={
              test.passed ? (
                <Chip tone="on" icon={<IconCheck />}>
                  {words.passed}
                </Chip>
              ) : (
                <Chip tone="danger" icon={<IconX />}>
                  {words.failed}
                </Chip>
              )
            }
          />
        ))}
      </Rows>
    </Panel>
  );
}
