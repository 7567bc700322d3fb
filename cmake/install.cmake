# cmake --install build --prefix DIR: the program, and what is read beside it.
include(GNUInstallDirs)
install(DIRECTORY analysis experiments DESTINATION ${CMAKE_INSTALL_DATADIR}/moescope
        USE_SOURCE_PERMISSIONS PATTERN "__pycache__" EXCLUDE)
install(FILES cluster/setup/mpi_environment.sh DESTINATION ${CMAKE_INSTALL_DATADIR}/moescope/cluster/setup)
install(PROGRAMS cluster/moescope-sweep DESTINATION ${CMAKE_INSTALL_DATADIR}/moescope/cluster)
install(DIRECTORY cluster/sweep cluster/sites DESTINATION ${CMAKE_INSTALL_DATADIR}/moescope/cluster
        PATTERN "__pycache__" EXCLUDE)
install(CODE "file(CREATE_LINK ../${CMAKE_INSTALL_DATADIR}/moescope/cluster/moescope-sweep
        \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/moescope-sweep\" SYMBOLIC)")
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
