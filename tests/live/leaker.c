/* An extension that forgets a Py_DECREF: keep(o) leaks a reference to o, make() the only one to a new list. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *
keep(PyObject *self, PyObject *o)
{
	(void)self;
	Py_INCREF(o);
	Py_RETURN_NONE;
}

static PyObject *
make(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	PyObject *made = PyList_New(0);
	if (made == NULL)
		return NULL;
	Py_INCREF(made);
	return made;
}

static PyMethodDef methods[] = {
	{"keep", keep, METH_O, NULL},
	{"make", make, METH_NOARGS, NULL},
	{NULL, NULL, 0, NULL},
};

#if PY_MAJOR_VERSION < 3
PyMODINIT_FUNC
initleaker(void)
{
	Py_InitModule("leaker", methods);
}
#else
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "leaker", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC
PyInit_leaker(void)
{
	return PyModule_Create(&module);
}
#endif
