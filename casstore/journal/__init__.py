"""The journal: everything that ever happened, as events, and the state that follows from them.

Knows: events, their bytes and names, the fold, the views.  Never: files, LMDB, clocks, randomness.

==============  =====================================================================
``events``      an event, its name, the Lamport clock
``subjects``    what it is about
``bodies``      what it says, one record for each kind
``kinds``       the table of kinds
``fields``      checks of single values
``wire``        bytes and names of event files (FORMAT.md)
``table``       the contract of the state table, and one in memory
``keys``        every key of the table
``registers``   values that many may set at once
``fold``        events into rows; ``commits``, ``runs``, ``rounds``, ``members`` hold the parts
``views``       the answers, as frozen records
``queries``     questions about versions, collections, aliases
``lineage``     questions about runs
``parts``       questions about rounds of parallel writers
``ties``        which run made and read which version: sets, for graphs
``cards``       the small rows by which versions and runs are listed and drawn
``census``      what the collections of a project hold, counted from cards
==============  =====================================================================
"""
