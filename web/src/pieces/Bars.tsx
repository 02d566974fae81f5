import classes from "./Bars.module.css";

export interface BarLine {
  id: string;
  name: string;
  /** Number of its colour, or kept, or failed. */
  colour: number | string;
  /** Beside its name in the legend. */
  total: string;
}

export interface BarColumn {
  id: string;
  /** When it was, in words. */
  when: string;
  /** Of each line, in their order. */
  counts: number[];
  total: number;
  /** All of it in words, shown on hover. */
  words: string;
}

interface Props {
  /** What the chart shows, for those who do not see it. */
  label: string;
  lines: BarLine[];
  columns: BarColumn[];
  /** Count at the top of the scale. */
  top: number;
  format: (count: number) => string;
  tableTitle: string;
  whenTitle: string;
}

const height = 100;

/** Counts over time as stacked bars, with the same as a table. Colours are never all that tells lines apart: the stack and the legend have one order. */
export function Bars({ label, lines, columns, top, format, tableTitle, whenTitle }: Props) {
  const gap = columns.length > 120 ? 0 : 0.15;
  return (
    <figure style={{ margin: 0 }}>
      <div className={classes.frame}>
        <span className={classes.top} aria-hidden>
          {format(top)}
        </span>
        <svg
          role="img"
          aria-label={label}
          className={classes.chart}
          viewBox={`0 0 ${Math.max(1, columns.length)} ${height}`}
          preserveAspectRatio="none"
        >
          <line className={classes.axis} x1={0} x2={columns.length} y1={0} y2={0} />
          <line className={classes.axis} x1={0} x2={columns.length} y1={height / 2} y2={height / 2} />
          {columns.map((column, x) => (
            <Stack key={column.id} column={column} lines={lines} x={x} gap={gap} top={top} />
          ))}
          <line className={classes.axis} x1={0} x2={columns.length} y1={height} y2={height} />
        </svg>
        <div className={classes.ends} aria-hidden>
          <span>{columns[0]?.when}</span>
          <span>{columns.at(-1)?.when}</span>
        </div>
      </div>
      <ul className={classes.legend}>
        {lines.map((line) => (
          <li key={line.id}>
            <span className={`${classes.mark} ${classes.part}`} data-colour={line.colour} aria-hidden />
            {line.name} <strong>{line.total}</strong>
          </li>
        ))}
      </ul>
      <details className={classes.table}>
        <summary>{tableTitle}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
        <section className={classes.scroll} tabIndex={0} aria-label={tableTitle}>
          <table>
            <thead>
              <tr>
                <th scope="col">{whenTitle}</th>
                {lines.map((line) => (
                  <th key={line.id} scope="col">
                    {line.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {columns
                .filter((column) => column.total > 0)
                .reverse()
                .map((column) => (
                  <tr key={column.id}>
                    <th scope="row">{column.when}</th>
                    {lines.map((line, n) => (
                      <td key={line.id}>{format(column.counts[n] ?? 0)}</td>
                    ))}
                  </tr>
                ))}
            </tbody>
          </table>
        </section>
      </details>
    </figure>
  );
}

interface StackProps {
  column: BarColumn;
  lines: BarLine[];
  x: number;
  gap: number;
  top: number;
}

function Stack({ column, lines, x, gap, top }: StackProps) {
  let y = height;
  return (
    <g className={classes.column}>
      <title>{column.words}</title>
      <rect className={classes.hit} x={x} y={0} width={1} height={height} />
      {lines.map((line, n) => {
        const size = ((column.counts[n] ?? 0) / top) * height;
        y -= size;
        return size > 0 ? (
          <rect
            key={line.id}
            className={classes.part}
            data-colour={line.colour}
            x={x + gap / 2}
            y={y}
            width={1 - gap}
            height={size}
          />
        ) : null;
      })}
    </g>
  );
}
