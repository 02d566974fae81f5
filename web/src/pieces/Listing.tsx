import { Button, NativeSelect, Skeleton, VisuallyHidden } from "@mantine/core";
import { IconArrowDown, IconArrowsSort, IconArrowUp } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { m } from "../messages";
import { NoMatch } from "./Empty";
import classes from "./Listing.module.css";
import { Missing } from "./Notice";
import { useArrows } from "./useArrows";
import type { Paged } from "./useListing";
import type { Order, Sort } from "./useSort";

export interface Column<T> {
  title: string;
  cell: (row: T) => ReactNode;
  /** What the server calls the order by this column, and the direction that one wants first. */
  sort?: [name: string, first: Order];
  /** Numbers and moments stand at the end. */
  end?: boolean;
  /** On a narrow screen: with its title (the default), without it, or not at all. */
  narrow?: "label" | "bare" | "hide";
}

interface Props<T> {
  /** What the list is of. */
  label: string;
  /** The first column names the row and is its link. */
  columns: Column<T>[];
  list: Paged<T>;
  rowKey: (row: T) => string;
  /** Where a row leads. */
  href?: (row: T) => string;
  sort?: Sort;
  /** What stands there when there is nothing at all yet; it teaches the next step. */
  nothing: ReactNode;
  /** Something narrows the list, and this takes it away. */
  filtered?: boolean;
  clear?: () => void;
  /** Rows that are drawn while the first answer is on its way. */
  expect?: number;
}

/** A list that the server filters, sorts and pages: a table, and cards where there is no room for one. */
export function Listing<T>(props: Props<T>) {
  const { label, columns, list, rowKey, href, sort, nothing, filtered, clear, expect = 6 } = props;
  const onKeyDown = useArrows();
  const { items } = list;
  if (list.problem) {
    return (
      <div className={classes.problem}>
        <Missing problem={list.problem} retry={list.retry} />
      </div>
    );
  }
  if (items?.length === 0 && !list.old) return filtered ? <NoMatch clear={clear} /> : nothing;
  return (
    <div className={classes.wrap} data-old={list.old || undefined} aria-busy={!items || list.old}>
      {sort && <NarrowSort columns={columns} sort={sort} />}
      <table className={classes.table} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.title} column={column} sort={sort} />
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={onKeyDown}>
          {items?.map((row) => (
            <tr key={rowKey(row)} className={classes.row} data-link={href ? true : undefined}>
              {columns.map((column, i) => (
                <Cell
                  key={column.title}
                  column={column}
                  row={row}
                  to={i === 0 ? href?.(row) : undefined}
                  first={i === 0}
                />
              ))}
            </tr>
          ))}
          {!items &&
            Array.from({ length: expect }, (_, i) => (
              <tr key={i} className={classes.row}>
                <td colSpan={columns.length}>
                  <Skeleton height={20} radius="sm" />
                </td>
              </tr>
            ))}
        </tbody>
      </table>
      <More list={list} />
    </div>
  );
}

function Head<T>({ column, sort }: { column: Column<T>; sort?: Sort }) {
  const [by, first] = column.sort ?? [];
  if (!sort || !by || !first) {
    return (
      <th scope="col" data-end={column.end || undefined}>
        {column.title}
      </th>
    );
  }
  const now = sort.by === by ? sort.order : undefined;
  const Icon = now === "asc" ? IconArrowUp : now === "desc" ? IconArrowDown : IconArrowsSort;
  return (
    <th
      scope="col"
      data-end={column.end || undefined}
      aria-sort={now === "asc" ? "ascending" : now === "desc" ? "descending" : undefined}
    >
      <Link to={sort.address(by, first)} replace preventScrollReset className={classes.sort}>
        {column.title}
        <Icon size={14} aria-hidden />
      </Link>
    </th>
  );
}

interface CellProps<T> {
  column: Column<T>;
  row: T;
  to: string | undefined;
  first: boolean;
}

function Cell<T>({ column, row, to, first }: CellProps<T>) {
  const content = column.cell(row);
  return (
    <td data-end={column.end || undefined} data-narrow={column.narrow}>
      {!first && column.narrow !== "bare" && (
        <span aria-hidden className={classes.label}>
          {column.title}
        </span>
      )}
      {to ? (
        <Link to={to} className={classes.link} data-row>
          {content}
        </Link>
      ) : (
        content
      )}
    </td>
  );
}

/** A second line below what a row is called. It is part of the row's link, and quieter. */
export const Under = ({ children }: { children: ReactNode }) => (
  <span className={classes.under}>{children}</span>
);

function NarrowSort<T>({ columns, sort }: { columns: Column<T>[]; sort: Sort }) {
  const data = columns.flatMap(({ title, sort: by }) =>
    by
      ? [
          { value: `${by[0]} asc`, label: `${title} ↑` },
          { value: `${by[0]} desc`, label: `${title} ↓` },
        ]
      : [],
  );
  if (data.length === 0) return null;
  return (
    <div className={classes.narrowSort}>
      <NativeSelect
        size="xs"
        aria-label={m.pieces.list.sortBy}
        data={data}
        value={`${sort.by} ${sort.order}`}
        onChange={(event) => {
          const [by = "", order] = event.currentTarget.value.split(" ");
          sort.set(by, order === "asc" ? "asc" : "desc");
        }}
      />
    </div>
  );
}

/** How many are shown, and the button for more. */
export function More<T>({ list }: { list: Paged<T> }) {
  const count = list.items ? m.pieces.list.shown(list.items.length, Boolean(list.more)) : "";
  if (!list.more) {
    return <VisuallyHidden role="status">{count}</VisuallyHidden>;
  }
  return (
    <div className={classes.foot}>
      <span role="status" className={classes.count}>
        {count}
      </span>
      <Button variant="subtle" size="xs" loading={list.reading} onClick={() => list.more?.()}>
        {m.pieces.list.more}
      </Button>
    </div>
  );
}
