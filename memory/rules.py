"""The standing rules of a person, and what the log holds to rehearse one against."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from memory.codec import clean_text
from memory.database import Database
from memory.records import StoredRule
from memory.tables import approval_rules, approvals

NEWEST = 5_000
"""Calls and questions that a rehearsal looks at, the newest first."""

_CALLS = text(
    """
    select e.run_id, e.at, r.workspace, call->>'arguments' as arguments
    from (select run_id, at, body from events where kind = 'answer_received' order by at desc limit :newest) e
    join runs r using (run_id)
    cross join lateral jsonb_path_query(e.body, '$.answer.tool_calls[*]') call
    where call->>'name' = 'run_command'
    """
)
_QUESTIONS = text(
    """
    select q.run_id, q.at, r.workspace, q.body->>'subject' as subject, coalesce(a.decision, '') as decision,
           coalesce(a.by, '') as by,
           case when :topic = 'scan' then (
               select s.body->'findings' from events s
               where s.run_id = q.run_id and s.kind = 'scan_finished' and s.seq < q.seq
                 and s.body->>'number' = q.body->>'number' order by s.seq desc limit 1
           ) end as findings
    from (select run_id, seq, at, body from events where kind = 'approval_requested' and body->>'topic' = :topic
          order by at desc limit :newest) q
    join runs r using (run_id)
    left join approvals a on a.approval_id = q.body->>'approval_id'
    """
)


@dataclass(frozen=True)
class PastCall:
    """A call of run_command as a model made it; `arguments` may be no JSON."""

    run_id: str
    at: datetime
    workspace: str
    arguments: str


@dataclass(frozen=True)
class PastQuestion:
    """A question to a person and its answer."""

    run_id: str
    at: datetime
    workspace: str
    subject: str
    decision: str
    by: str
    findings: list[dict[str, Any]] | None = None
    """Of a scan's question: what it found."""


class RuleStore:
    """Rules, and the past they are rehearsed against."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, rule: StoredRule) -> None:
        """Keep a rule; one that is there already stays as it is."""
        values = {
            "rule_id": rule.rule_id,
            "topic": rule.topic,
            "project": clean_text(rule.project),
            "body": rule.body,
            "created_by": clean_text(rule.created_by),
        }

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(approval_rules).values(values).on_conflict_do_nothing())

        await self._database.run(work)

    async def remove(self, rule_id: str) -> bool:
        """Take a rule back; False when there is none."""

        async def work(connection: AsyncConnection) -> bool:
            done = await connection.execute(
                delete(approval_rules).where(approval_rules.c.rule_id == rule_id).returning(approval_rules.c.rule_id)
            )
            return done.first() is not None

        return await self._database.run(work)

    async def rules(self) -> list[StoredRule]:
        """All rules, the oldest first, with how often the log says that each was used."""

        async def work(connection: AsyncConnection) -> list[StoredRule]:
            rows = list(
                await connection.execute(
                    select(approval_rules).order_by(approval_rules.c.created_at, approval_rules.c.rule_id)
                )
            )
            if not rows:
                return []
            # One answer may name several rules: a compound command can need more than one.
            named = func.unnest(func.string_to_array(approvals.c.detail.op("->>")("rule_id"), ",")).label("rule_id")
            used = select(named, approvals.c.answered_at).where(approvals.c.by == "rule").subquery()
            counted = await connection.execute(
                select(used.c.rule_id, func.count(), func.max(used.c.answered_at)).group_by(used.c.rule_id)
            )
            uses = {row[0]: (row[1], row[2]) for row in counted}
            return [
                StoredRule(
                    row.rule_id,
                    row.topic,
                    row.project,
                    row.body,
                    row.created_by,
                    row.created_at,
                    *uses.get(row.rule_id, (0, None)),
                )
                for row in rows
            ]

        return await self._database.run(work)

    async def past_calls(self, newest: int = NEWEST) -> list[PastCall]:
        """The newest commands that models called for, over all runs."""

        async def work(connection: AsyncConnection) -> list[PastCall]:
            found = await connection.execute(_CALLS, {"newest": newest})
            return [PastCall(row.run_id, row.at, row.workspace, row.arguments or "") for row in found]

        return await self._database.run(work)

    async def past_questions(self, topic: str, newest: int = NEWEST) -> list[PastQuestion]:
        """The newest questions of a topic, over all runs, and how they were decided."""

        async def work(connection: AsyncConnection) -> list[PastQuestion]:
            found = await connection.execute(_QUESTIONS, {"topic": topic, "newest": newest})
            return [PastQuestion(*row) for row in found]

        return await self._database.run(work)
