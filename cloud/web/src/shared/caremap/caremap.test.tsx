import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";

import BureauArea from "../../bureau";
import CareArea from "../../care";
import { FakeHub, json, ME, problem, renderAt } from "../../testing/fakeHub";

const SERVICES = [
  { key: "bathing", zh: "助浴", en: "bathing", of: ["house", "responder"] },
  { key: "respite", zh: "喘息、短期托养", en: "respite stays", of: ["house"] },
  { key: "night", zh: "夜间可以到场", en: "comes at night", of: ["responder"] },
];
const HOUSE = {
  id: "h1", name: "甲院", own: false, published: true, district_code: "500109", district_name: "北碚区", address: "甲路 1 号",
  phone: "023-00000000", place: { lat: 29.53, lon: 106.49 }, services: ["bathing"], note: "",
  beds: [
    { kind: "nursing", total: 10, taken: 7, reserved: 1, free: 2 },
    { kind: "home", total: null, taken: null, reserved: 0, free: null },
  ],
  counted_at: "2026-03-01T18:14:00.000Z", stale: false,
};
const OLD = { ...HOUSE, id: "h2", name: "乙院", place: { lat: 29.6, lon: 106.6 }, services: [], stale: true, beds: [{ kind: "nursing", total: 5, taken: 0, reserved: 0, free: 5 }] };
const waits = (node: string, level: string, name: string, count: number | null, masked = false) =>
  ["bed", "home", "task"].map((kind) => ({ node, level, name, kind, count, masked, known: true }));
const MAP = {
  whose: "bureau", kinds: ["general", "nursing", "home"], services: SERVICES, houses: [HOUSE, OLD],
  unpublished: [{ id: "h3", name: "丙院", district_name: "" }],
  waiting: [...waits("all", "all", "民政局", 12), ...waits("i", "institution", "甲院", null, true)],
  masked_below: 5, map_tiles: "", server_time: "2026-03-01T18:15:00.000Z",
};
const FITS = {
  id: "h1", who: "house", name: "甲院", own: false, phone: "023-00000000", address: "甲路 1 号", place: HOUSE.place, score: 0.8,
  distance_km: 3.2, free: 2, total: 10,
  reasons: [
    { code: "distance", value: 3.2, names: [] }, { code: "load", value: 0.8, names: [] },
    { code: "has_needed", value: null, names: ["bathing"] },
  ],
};
const LEFT = { ...FITS, id: "h2", name: "乙院", score: null, reasons: [{ code: "counts_old", value: null, names: [] }, { code: "no_such_beds", value: null, names: ["general"] }] };
const MATCHES = { fitting: [FITS], left_out: [LEFT], place: null, place_from: null };

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  const permissions = [...ME.permissions, "bureau_read", "care_read", "records_read"];
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, permissions }));
  hub.answers.set("GET /api/v1/bureau/care-map", () => json(MAP));
  hub.answers.set("POST /api/v1/bureau/care-map/matches", () => json(MATCHES));
});

describe("the bureau's map", () => {
  const open = () => renderAt("/bureau/map", <BureauArea />, "/bureau/*");

  it("draws the houses and says the same as a list, with old counts named", async () => {
    open();
    expect(await screen.findByRole("img", { name: /2 家机构的位置示意图/ })).toBeInTheDocument();
    const [first, second] = screen.getAllByRole("heading", { level: 3 });
    expect(first).toHaveTextContent("甲院");
    expect(second).toHaveTextContent("乙院");
    expect(screen.getByText("护理床位 空 2 / 10（预留 1）")).toBeInTheDocument();
    expect(screen.getByText("家庭养老床位 未登记能服务多少张")).toBeInTheDocument();
    expect(screen.getByText(/床位数已过时/)).toBeInTheDocument();
    expect(document.querySelector("image")).toBeNull();
  });

  it("masks how many wait, in words", async () => {
    open();
    const table = await screen.findByRole("table", { name: "等待中的需求" });
    const row = within(table).getByRole("row", { name: /甲院/ });
    expect(within(row).getAllByText("已遮盖")).toHaveLength(3);
    expect(within(table).getByRole("row", { name: /民政局/ })).toHaveTextContent("12");
  });

  it("filters at once and asks for a match only when the fields make sense", async () => {
    open();
    const form = await screen.findByTestId("need-form");
    const send = within(form).getByRole("button", { name: "匹配" });
    await userEvent.click(send);
    expect(within(form).getByRole("alert")).toHaveTextContent("请先选择需要的床位类型");
    await userEvent.selectOptions(within(form).getByTestId("need-kind"), "nursing");
    await userEvent.selectOptions(within(form).getByTestId("need-from"), "h1");
    await userEvent.click(within(within(form).getByRole("group", { name: "必须有" })).getByLabelText("助浴"));
    expect(screen.getByRole("heading", { name: "机构和床位（1 家）" })).toBeInTheDocument();
    expect(within(form).queryByLabelText("夜间可以到场")).toBeNull();
    await userEvent.click(send);
    const result = await screen.findByTestId("match-result");
    expect(result).toHaveTextContent("距离 3.2 公里已占 80 %有必须的：助浴");
    expect(within(result).getByText("床位数已过时，请电话确认")).toBeInTheDocument();
    expect(within(result).getByText("没有这类床位，只有：普通床位")).toBeInTheDocument();
    expect(hub.called("POST", "/api/v1/bureau/care-map/matches")).toEqual([
      { kind: "nursing", place: HOUSE.place, within_km: 10, needs: ["bathing"], wishes: [] },
    ]);
  });

  it("says that nothing is published, and why nothing came", async () => {
    hub.answers.set("GET /api/v1/bureau/care-map", () => json({ ...MAP, houses: [], waiting: [] }));
    open();
    expect(await screen.findByText("还没有机构公布位置和服务。")).toBeInTheDocument();
  });

  it("says what went wrong", async () => {
    hub.answers.set("GET /api/v1/bureau/care-map", () => problem(500, "internal"));
    open();
    expect(await screen.findByText(/没有取到/)).toBeInTheDocument();
  });
});

describe("the care side", () => {
  const NEED = {
    id: "t1", elder_id: "e1", elder_name: "王秀兰", source: "task", kind: "responder", task: "visit", why: "三天没出门",
    since: "2026-03-01T00:00:00.000Z", due_on: "2026-03-03", has_place: true,
  };
  const open = (path: string) => renderAt(path, <CareArea />, "/care/*");
  beforeEach(() => {
    hub.answers.set("GET /api/v1/care-map/needs", () =>
      json({ needs: [NEED], services: SERVICES, kinds: ["general", "home"], map_tiles: "" }),
    );
    const staff = { ...FITS, id: "u1", who: "staff", name: "周敏", phone: "", place: null, own: true };
    hub.answers.set("POST /api/v1/care-map/matches", () => json({ ...MATCHES, fitting: [staff], place_from: "door" }));
  });

  it("takes a waiting elder into the form and asks with their own place", async () => {
    open("/care/map/needs");
    await userEvent.click(await screen.findByRole("button", { name: "为王秀兰匹配" }));
    const form = screen.getByTestId("need-form");
    expect(within(form).getByTestId("need-kind")).toHaveValue("responder");
    expect(within(form).getByTestId("need-kind")).toHaveFocus();
    await userEvent.click(within(form).getByRole("button", { name: "匹配" }));
    const result = await screen.findByTestId("match-result");
    expect(result).toHaveTextContent("距离从老人门口量起");
    expect(result).toHaveTextContent("周敏 工作人员");
    expect(hub.called("POST", "/api/v1/care-map/matches")).toEqual([
      { kind: "responder", elder_id: "e1", place: null, within_km: 10, needs: [], wishes: [] },
    ]);
  });

  it("lets the manager change the entry, and says what is missing", async () => {
    const profile = {
      address: "甲路", phone: "", place: null, services: [], home_bed_capacity: null, note: "", published: false, version: 2,
      updated_at: null, updated_by: null, beds: [], catalogue: SERVICES, may_change: true,
    };
    hub.answers.set("GET /api/v1/care-map/profile", () => json(profile));
    hub.answers.set("PUT /api/v1/care-map/profile", () => problem(422, "bad_request", { detail: "phone: 公布前请填写联系电话" }));
    open("/care/map/profile");
    const form = await screen.findByTestId("care-map-profile");
    await userEvent.type(within(form).getByTestId("profile-lat"), "29.5");
    await userEvent.click(within(form).getByRole("button", { name: "保存" }));
    expect(within(form).getByRole("alert")).toHaveTextContent("纬度和经度要一起填");
    await userEvent.clear(within(form).getByTestId("profile-lat"));
    await userEvent.click(within(form).getByLabelText("公布"));
    await userEvent.click(within(form).getByRole("button", { name: "保存" }));
    await waitFor(() => expect(hub.called("PUT", "/api/v1/care-map/profile")).toHaveLength(1));
    expect(await within(form).findByRole("alert")).toHaveTextContent("公布前请填写联系电话");
  });

  it("shows the entry to others without a form", async () => {
    hub.answers.set("GET /api/v1/care-map/profile", () =>
      json({
        address: "甲路", phone: "", place: null, services: ["respite"], home_bed_capacity: null, note: "", published: true, version: 2,
        updated_at: null, updated_by: null, beds: [], catalogue: SERVICES, may_change: false,
      }),
    );
    open("/care/map/profile");
    expect(await screen.findByText("只有院长可以修改。")).toBeInTheDocument();
    expect(screen.getByText("喘息、短期托养")).toBeInTheDocument();
  });
});
