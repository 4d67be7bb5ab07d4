import "./dataTable.css";

import { type ReactNode, useId } from "react";

export type Column<Row> = { title: string; cell: (row: Row) => ReactNode };

type Props<Row> = {
  title: string;
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  columns: readonly Column<Row>[];
  /** Said instead of a table without rows. */
  empty: string;
};

/** A titled table of the plain kind; on a phone each row becomes a block with its titles. */
export function DataTable<Row>({ title, rows, rowKey, columns, empty }: Props<Row>): ReactNode {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {rows.length === 0 ? (
        <p className="data-empty">{empty}</p>
      ) : (
        <table className="data-table" aria-labelledby={id}>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column.title} scope="col">
                  {column.title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={rowKey(row)}>
                {columns.map((column) => (
                  <td key={column.title} data-title={column.title}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
