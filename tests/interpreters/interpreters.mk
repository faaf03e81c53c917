# The interpreters that tests compare with: tests/interpreters/matrix says which, make.sh beside it how they
# come about. Included by tests/tests.mk.

.PHONY: interpreters
interpreters:  ## fetch and build the CPythons to compare with (NAME="deb-3.13 nogil-*")
	@NAME='$(NAME)' JOBS='$(JOBS)' sh tests/interpreters/make.sh
