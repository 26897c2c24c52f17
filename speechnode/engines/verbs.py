"""Verbs of tasks: what people commit themselves to do in meetings. Other verbs make no action item by themselves."""

import re

_VERBS = """
    accept add allocate analyse analyze announce answer approve archive arrange ask assemble assign attach book brief
    bring build buy calculate call cancel change chase check circulate clarify clean clear close collect compare compile
    complete compose configure confirm connect contact coordinate copy correct create cut debug define delete deliver
    deploy describe design develop distribute document download draft draw email escalate estimate evaluate examine
    export extend fetch file fill finalise finalize finish fix forward gather generate give hire implement import
    improve inform install integrate interview investigate invite invoice label launch list mail measure merge message
    migrate monitor move negotiate notify obtain order organise organize pay ping plan polish post prepare present print
    process procure produce proofread propose provide publish purchase push rebuild recruit redesign refactor refund
    register release remind remove rename renew rent repair replace reply report request research reschedule reserve
    reset resolve respond restore retest return review revise rewrite rework run scan schedule search secure send set
    settle share ship sign sketch solve sort specify split submit summarise summarize supply tell test track train
    transfer translate tidy unblock update upgrade upload verify visit warn write
"""
#: Verbs that are tasks with these words only: "take care of the booking", but "take an hour".
_PHRASES = """
    back up|come back to|come up with|discuss (?:it|that|this|them) with|do the|figure out|find out|find (?:a|an|some)|
    follow up|get back to|get in touch|get (?:a|the|an offer)|go (?:over|through)|hand (?:in|over)|have a (?:look|word)|
    keep track|let \\w+ know|look (?:after|at|for|into|up)|make (?:a|an|sure|the)|meet with|pick up|put|reach out|
    roll out|set up|speak (?:to|with)|take (?:care of|minutes|notes|on|over|the)|talk (?:to|with)|work (?:on|out)
"""
#: Conduct of the meeting itself, and figures of speech.
_CONDUCT = """
    add (?:that|to that|something)|answer (?:that|your|any)|ask (?:a|you a|one|any|some|another)? ?questions?|call it|
    check (?:if|whether) (?:you|everybody|everyone)|change (?:my mind|the (?:subject|topic))|close (?:the|this) meeting|
    finish (?:here|there)|give (?:you|me|us|it|them)? ?an? (?:example|minute|moment|overview|second|try)|
    make (?:a|the|one) (?:comment|point|remark)|move on|present (?:my|the) (?:screen|slides)|put it|
    report (?:that|on)|run (?:out|late)|share (?:my|our|the|your) screens?|summari[sz]e (?:what|that|quickly)|
    take the (?:floor|opportunity|time)|tell (?:everybody|everyone|me|us|you)
"""
_DOUBLED = {"cut", "get", "plan", "put", "run", "scan", "set", "ship", "split", "submit", "transfer"}


def _pattern(phrases: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{''.join(line.strip() for line in phrases.splitlines())})\b", re.IGNORECASE)


_verbs = frozenset(_VERBS.split())
_phrases, _conduct = _pattern(_PHRASES), _pattern(_CONDUCT)
_bases = {*_verbs, *(re.match(r"\w+", phrase.strip())[0] for phrase in _PHRASES.split("|"))}  # type: ignore[index]


def _third_person(verb: str) -> str:
    if re.search(r"(?:[sxzo]|ch|sh)$", verb):
        return f"{verb}es"
    return f"{verb[:-1]}ies" if re.search(r"[^aeiou]y$", verb) else f"{verb}s"


def _participle(verb: str) -> str:
    if verb in _DOUBLED:
        return f"{verb}{verb[-1]}ing"
    return f"{verb[:-1]}ing" if re.search(r"[^e]e$", verb) else f"{verb}ing"


_BASE_OF = {form(verb): verb for verb in _bases for form in (_third_person, _participle)}


def base_form(word: str) -> str:
    """Return the infinitive of "sends" or "sending"; empty if that verb is not in the list."""
    return _BASE_OF.get(word.lower(), "")


def is_task(clause: str) -> bool:
    """Return whether a clause begins with the infinitive of something that can be a task."""
    if _conduct.match(clause):
        return False
    first = re.match(r"[\w-]+", clause)
    return bool(_phrases.match(clause) or (first and first[0].lower().replace("-", "") in _verbs))
