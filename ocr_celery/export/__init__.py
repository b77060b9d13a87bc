"""Makes the files of results that need a page's picture or take long: beside the engine, in a process of their own."""
