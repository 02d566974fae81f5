import { Button } from "@mantine/core";
import { m } from "../messages";
import { differences } from "../model/diff";
import classes from "./Form.module.css";
import { NoticeBox } from "./Notice";

interface Props {
  /** What it is now, and what was typed, in the same shape. */
  theirs: unknown;
  yours: unknown;
  keep: () => void;
  take: () => void;
  /** What a path is called to people; the path itself without it. */
  nameOf?: (path: string) => string;
}

/** Says what somebody else changed meanwhile, and lets one choose whose version to go on with. Nothing that was typed is lost. */
export function StaleNotice({ theirs, yours, keep, take, nameOf = (path) => path }: Props) {
  const words = m.pieces.stale;
  const differs = differences(theirs, yours);
  return (
    <NoticeBox
      tone="warn"
      title={words.title}
      actions={
        <>
          <Button size="xs" onClick={keep}>
            {words.keep}
          </Button>
          <Button size="xs" variant="default" onClick={take}>
            {words.take}
          </Button>
        </>
      }
    >
      <p>{differs.length > 0 ? words.words : words.same}</p>
      {differs.length > 0 && (
        <div className={classes.stale}>
          <table>
            <thead>
              <tr>
                <th scope="col">{words.field}</th>
                <th scope="col">{words.theirs}</th>
                <th scope="col">{words.yours}</th>
              </tr>
            </thead>
            <tbody>
              {differs.map((one) => (
                <tr key={one.path}>
                  <th scope="row">{nameOf(one.path)}</th>
                  <td>{shown(one.theirs)}</td>
                  <td>{shown(one.yours)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </NoticeBox>
  );
}

const shown = (value: unknown): string => {
  if (value === undefined || value === null || value === "") return m.pieces.stale.empty;
  return typeof value === "string" ? value : JSON.stringify(value);
};
